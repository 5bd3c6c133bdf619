using AwesomeAssertions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>
/// Every form of a request, and a well-formed one right behind it on the same connection. Where the form is passed, the backend sees both and
/// nothing else; where it is refused, neither. So the two sides cannot disagree on where the form ends. Each is sent whole and cut at every byte.
/// </summary>
public sealed class RequestFramingTests
{
    private const string Next = "GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    /// <summary>Longer forms are cut at so many places only: the two in this table are long by a repeated byte or line.</summary>
    private const int MaxCuts = 400;

    private static readonly Dictionary<string, RequestForm> Forms =
        LengthForms.All.Concat(ChunkForms.All).Concat(LineForms.All).Concat(TargetForms.All).ToDictionary(static form => FormNames.Printable(form.Name), StringComparer.Ordinal);

    public static TheoryData<string> Names => [.. Forms.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_form_is_passed_or_refused_as_the_RFC_says_wherever_it_is_cut(string name)
    {
        var form = Forms[name];
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = Traffic.RunningProxy.To(backend.Port, http => http with { Codec = name.Contains("preface", StringComparison.Ordinal) ? HttpCodec.Http1 : HttpCodec.Auto, AcceptHttp10 = true, DelayedCloseTimeout = TimeSpan.FromSeconds(5) });
        var cuts = Enumerable.Range(1, Math.Min(form.Wire.Length, MaxCuts)).Prepend(0).ToArray();

        await Parallel.ForEachAsync(cuts, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (cut, _) =>
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendSplitAsync(form.Wire + Next, cut > 0 ? [cut] : []);
            await ExpectAnswersAsync(client, form, $"{form.Name} ({form.Rule}), cut at {cut}");
        });

        string[] expected = form.Reaches is null ? [] : [form.Reaches, "GET /next a "];
        backend.Requests.Select(Describe).Order(StringComparer.Ordinal)
            .Should().Equal(cuts.SelectMany(_ => expected).Order(StringComparer.Ordinal), form.Rule);
        backend.Requests.Should().OnlyContain(static request => request.Trailers.Count == 0);
        (await proxy.LogAsync()).Split(' ')[^3].Should().Be(form.Details);
    }

    private static async Task ExpectAnswersAsync(RawHttpClient client, RequestForm form, string because)
    {
        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(form.Status, because);
        if (form.Reaches is null)
        {
            response.Headers["connection"].Should().Be("close", because);
        }
        else
        {
            (await client.ReadResponseAsync()).Status.Should().Be(200, because);
        }

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly, because);
    }

    private static string Describe(RawRequest request) => $"{request.Method} {request.Target} {request.Headers["host"]} {request.BodyText}";
}
