using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>A backend that breaks in the midst of traffic and recovers, judged by the two ledgers.</summary>
public sealed class BackendFaultTests
{
    private const string Cut = "200 UC";
    private const string NoAnswer = "503 UC";
    private const string BadAnswer = "502 UPE";
    private const string BadBody = "200 UPE";
    private const string Head = "HTTP/1.1 200 OK\r\n";
    private const string Chunked = $"{Head}transfer-encoding: chunked\r\n\r\n";

    // Where the fault is known before the head has left, the client gets an answer that says so; afterwards only a cut is left.
    private static readonly Dictionary<string, (BackendFault Play, string[] Reasons)> Faults = new(StringComparer.Ordinal)
    {
        ["reset before the head"] = (Reset(static _ => ""), [NoAnswer]),
        ["reset in the head"] = (Reset(static answer => $"{Head}content-length: {answer.Length}\r\nx-half: "), [NoAnswer]),
        ["reset after the head"] = (Reset(static answer => $"{Head}content-length: {answer.Length}\r\n\r\n"), [Cut, NoAnswer]),
        ["reset in the body"] = (Reset(static answer => FaultyBackend.ResponseOf(answer)[..^10]), [Cut, NoAnswer]),
        ["reset in a chunk"] = (Reset(static answer => $"{Chunked}{answer.Length + 10:x}\r\n{answer}"), [Cut, NoAnswer]),
        ["reset after the body"] = (Reset(FaultyBackend.ResponseOf), [NoAnswer]),
        ["close before the head"] = (Close(static _ => ""), [NoAnswer]),
        ["close after the body"] = (Close(FaultyBackend.ResponseOf), [NoAnswer]),
        ["a length that is too long"] = (Close(static answer => $"{Head}content-length: {answer.Length + 10}\r\n\r\n{answer}"), [Cut, NoAnswer]),
        ["a length that is too short"] = (Keep(static answer => FaultyBackend.ResponseOf(answer) + "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen"), []),
        ["a body that ends with the connection"] = (Close(static answer => $"{Head}\r\n{answer}"), []),
        ["a head of endlessly many fields"] = (Endless(static _ => Head, static i => $"x-{i}: y\r\n"), [BadAnswer]),
        ["a field that never ends"] = (Endless(static _ => $"{Head}x-long: ", static _ => new string('y', 1000)), [BadAnswer]),
        ["endless interim responses"] = (Endless(static _ => "", static _ => "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"), [BadAnswer]),
        ["endless trailers"] = (Endless(static answer => $"{Chunked}{answer.Length:x}\r\n{answer}\r\n0\r\n", static i => $"x-{i}: y\r\n"), [BadBody, BadAnswer]),
        ["an endless chunk size"] = (Endless(static _ => Chunked, static _ => "0000000000"), [BadBody, BadAnswer]),
    };

    public static TheoryData<string> FaultNames => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(FaultNames))]
    public async Task Traffic_survives_a_backend_that_answers_every_third_request_with(string name)
    {
        var (play, reasons) = Faults[name];
        await using var backend = FaultyBackend.Start();
        await using var proxy = await FaultProxy.StartAsync(backend.Port);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort);
        await traffic.WaitForMoreAsync(50);

        await backend.InjectAsync(play, times: 30);
        await backend.LiftAsync();
        traffic.MarkLifted();
        await traffic.WaitForMoreAsync(100);

        await BalanceAsync(proxy, backend, traffic, reasons);
    }

    [Fact]
    public async Task Kept_connections_that_all_close_at_once_under_load_cost_no_request_that_may_be_sent_again()
    {
        await using var backend = FaultyBackend.Start();
        await using var proxy = await FaultProxy.StartAsync(backend.Port);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort);

        for (var round = 0; round < 20; round++)
        {
            await traffic.WaitForMoreAsync(40);
            backend.CloseKept();
        }

        traffic.MarkLifted();
        await traffic.WaitForMoreAsync(100);
        var asked = await BalanceAsync(proxy, backend, traffic, NoAnswer);
        asked.Where(static record => record.Method == "GET").Should().OnlyContain(static record => record.IsSuccess);
    }

    private static async Task<IReadOnlyList<FaultRecord>> BalanceAsync(StaticProxy proxy, FaultyBackend backend, FaultTraffic traffic, params string[] reasons)
    {
        var asked = await traffic.StopAsync();
        var executed = backend.Backend.Requests
            .Select(static request => (request.Method, request.Body, Id: request.Headers[SteadyTraffic.IdHeader]!))
            .Select(static request => new Execution(request.Id, request.Method, FaultyBackend.AnswerTo(request.Id, request.Body)));
        TwoLedgers.ShouldBalance(asked, [.. executed], await proxy.LogAsync(asked.Count), reasons);
        asked.Should().Contain(static record => record.IsAfterFault);
        return asked;
    }

    private static BackendFault Reset(Func<string, string> text) => async (connection, answer) =>
    {
        await connection.SendAsync(text(answer));
        connection.Reset();
        return false;
    };

    private static BackendFault Close(Func<string, string> text) => async (connection, answer) =>
    {
        await connection.SendAsync(text(answer));
        return false;
    };

    private static BackendFault Keep(Func<string, string> text) => async (connection, answer) =>
    {
        await connection.SendAsync(text(answer));
        return true;
    };

    /// <summary>Goes on until the proxy ends the connection.</summary>
    private static BackendFault Endless(Func<string, string> begin, Func<int, string> more) => async (connection, answer) =>
    {
        await connection.SendAsync(begin(answer));
        for (var i = 0; ; i++)
        {
            await connection.SendAsync(more(i));
        }
    };
}
