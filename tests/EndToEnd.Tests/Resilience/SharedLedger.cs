using System.Collections.Concurrent;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Faults;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>What many backends together have executed, in their common order.</summary>
internal sealed class SharedLedger
{
    private readonly ConcurrentQueue<Execution> _executed = new();

    /// <summary>Requests executed so far, by whichever backend.</summary>
    public int Count => _executed.Count;

    /// <summary>Executes a request: enters it and returns the answer that belongs to it.</summary>
    public string Execute(RawRequest request)
    {
        var id = request.Headers[SteadyTraffic.IdHeader]!;
        var answer = FaultyBackend.AnswerTo(id, request.Body);
        _executed.Enqueue(new Execution(id, request.Method, answer));
        return answer;
    }

    /// <summary>Every request was answered with its own answer, and was executed: once where it must not run twice. Nothing else was.</summary>
    /// <param name="asked">The clients' ledger.</param>
    /// <param name="mayFail">Those that may be answered with 503 instead, and were then not executed; null for none.</param>
    public void ShouldHaveAll(IReadOnlyList<FaultRecord> asked, Func<FaultRecord, bool>? mayFail = null)
    {
        var executed = _executed.ToLookup(static execution => execution.Id, StringComparer.Ordinal);
        asked.Where(record => !record.IsSuccess && !(record.Response?.Status == 503 && mayFail?.Invoke(record) == true)).Select(static record => record.ToString()).Should().BeEmpty("nothing is lost");
        executed.Select(static runs => runs.Key).Except(asked.Select(static record => record.Id), StringComparer.Ordinal).Should().BeEmpty();
        foreach (var record in asked)
        {
            var runs = executed[record.Id].ToArray();
            if (!record.IsSuccess)
            {
                runs.Should().BeEmpty($"{record} was answered so");
                continue;
            }

            runs.Should().NotBeEmpty($"{record} was answered").And.OnlyContain(run => run.Answer == record.Expected && run.Method == record.Method);
            record.Response!.BodyText.Should().Be(record.Expected);
            runs.Length.Should().BeLessThanOrEqualTo(record.Method == "GET" ? 2 : 1, $"{record} may run at most so often");
        }
    }
}
