using AwesomeAssertions;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>A request as a backend executed it.</summary>
/// <param name="Answer">What the backend made of it: id and hash of the body.</param>
internal sealed record Execution(string Id, string Method, string Answer);

/// <summary>Holds the clients' ledger against the backend's, and the access log against both. Counters decide nothing.</summary>
internal static class TwoLedgers
{
    /// <summary>
    /// What a client got a 2xx for was executed, once where it must not run twice, with the right body, in the client's order; nothing was executed that nobody
    /// asked for; what failed has a reason in the log that is allowed; what began after the fault succeeded.
    /// </summary>
    /// <param name="executed">The backend's ledger, in its order.</param>
    /// <param name="log">Lines of <see cref="FaultProxy"/>.</param>
    /// <param name="reasons">"status flags" that may stand in the log for a failed request.</param>
    public static void ShouldBalance(IReadOnlyList<FaultRecord> asked, IReadOnlyList<Execution> executed, IReadOnlyDictionary<string, string> log, params string[] reasons)
    {
        var byId = executed.GroupBy(static execution => execution.Id, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => group.ToList(), StringComparer.Ordinal);
        byId.Keys.Except(asked.Select(static record => record.Id), StringComparer.Ordinal).Should().BeEmpty("nothing is executed that nobody asked for");
        foreach (var record in asked)
        {
            var runs = byId.GetValueOrDefault(record.Id, []);
            runs.Should().OnlyContain(run => run.Answer == record.Expected && run.Method == record.Method, "the backend reads what the client wrote");
            runs.Count.Should().BeLessThanOrEqualTo(record.Method == "GET" ? 2 : 1, $"{record} may run at most so often");
            if (record.IsSuccess)
            {
                runs.Should().NotBeEmpty($"{record} was answered");
                record.Response!.BodyText.Should().Be(record.Expected, "an answer reaches the one who asked");
                log[record.Id].Should().Be("200 -");
            }
            else
            {
                log.Should().ContainKey(record.Id);
                log[record.Id].Should().BeOneOf(reasons, $"{record} failed");
                record.IsAfterFault.Should().BeFalse($"{record} failed although the fault was lifted");
            }
        }

        InOrder(asked, executed);
    }

    private static void InOrder(IReadOnlyList<FaultRecord> asked, IReadOnlyList<Execution> executed)
    {
        // A request on a connection that was closed upon it may be sent again, and the backend may read the first copy late: what counts is where a request ran first.
        var place = executed.Select(static (execution, index) => (execution.Id, Index: index))
            .GroupBy(static pair => pair.Id, StringComparer.Ordinal).ToDictionary(static group => group.Key, static group => group.Min(static pair => pair.Index), StringComparer.Ordinal);
        foreach (var client in asked.Where(static record => record.IsSuccess).GroupBy(static record => record.Client))
        {
            client.OrderBy(static record => record.Ordinal).Select(record => place[record.Id]).Should().BeInAscendingOrder("a client's requests run in its order");
        }
    }
}
