using KubeProxyNet.Fuzz.Reference;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Compares a request with what goes upstream in its place, both as the reference reads them.</summary>
internal static class RewriteOracle
{
    // What the proxy writes itself or never passes, and the words of Connection that are no field names.
    private static readonly HashSet<string> Owned =
    [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "transfer-encoding", "content-length", "host", "expect", "close",
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-client-cert", "x-request-id",
    ];

    private const string Envoys = "x-envoy-";

    /// <summary>The fields of that prefix that the proxy itself sends.</summary>
    private static readonly HashSet<string> Sent = ["x-envoy-external-address", "x-envoy-expected-rq-timeout-ms"];

    private static readonly string[] NeverSent = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];

    private static readonly HashSet<string> CannotBeNominated = ["x-forwarded-host", "content-type", "date"];

    public static void Judge(ReferenceMessage request, ReferenceMessage sent, RequestRewriter rewriter)
    {
        Expect.True(sent.HasHead, $"the reference refuses what goes upstream ({sent.Problem}): {Expect.Escaped(rewriter.Output.Span)}");
        Expect.Equal(request.Reading, sent.Reading, "completeness of the request and of what goes upstream");
        Expect.True(!sent.IsComplete() || sent.Consumed == rewriter.Output.Length, $"bytes stand behind what goes upstream: {Expect.Escaped(rewriter.Output.Span)}");
        Expect.Equal(request.Method, sent.Method, "the method upstream");
        Expect.Equal(request.Body, sent.Body, "the payload upstream");
        Expect.Equal(request.IsChunked, sent.IsChunked, "chunked upstream");
        Expect.Equal(request.Length, sent.Length, "the length upstream");
        Expect.Equal(1, sent.MinorVersion, "the version upstream");
        Expect.True(Array.TrueForAll(NeverSent, name => !sent.Has(name)), "a field of the connection goes upstream");
        if (rewriter.IsPlain)
        {
            JudgePlain(request, sent, rewriter.IsEdge);
        }
        else
        {
            Expect.True(sent.Target.StartsWith("/p/", StringComparison.Ordinal), $"the rewritten target is {sent.Target}");
            Expect.True(!sent.Has("expect") && sent.ValuesOf("y").SequenceEqual(["only"]), "the route's header changes");
        }
    }

    private static void JudgePlain(ReferenceMessage request, ReferenceMessage sent, bool isEdge)
    {
        var (target, authority) = ReferenceParser.Destination(request);
        Expect.Equal(target, sent.Target, "the target upstream");
        Expect.Equal(authority, sent.ValuesOf("host").Single(), "the host upstream");
        var nominated = Nominated(request);
        var expected = request.Fields.Where(field => !IsOwned(field) && (CannotBeNominated.Contains(field.Name) || !nominated.Contains(field.Name)));
        Expect.Equal(Text(expected), Text(sent.Fields.Where(static field => !IsOwned(field))), "the fields upstream");
        if (isEdge)
        {
            var chain = string.Concat(request.ValuesOf("x-forwarded-for").Where(static value => value.Length > 0).Select(static value => value + ","));
            Expect.Equal(chain + "192.0.2.1", sent.ValuesOf("x-forwarded-for").Single(), "x-forwarded-for upstream");
            Expect.True(sent.ValuesOf("x-envoy-external-address").SequenceEqual(["192.0.2.1"]), "x-envoy-external-address upstream");
            Expect.True(sent.Fields.All(static field => !field.Name.StartsWith(Envoys, StringComparison.Ordinal) || Sent.Contains(field.Name)), "an x-envoy- field of the client goes upstream");
            Expect.Equal("http", sent.ValuesOf("x-forwarded-proto").Single(), "x-forwarded-proto upstream");
            Expect.Equal(36, sent.ValuesOf("x-request-id").Single().Length, "the length of x-request-id upstream");
        }
        else
        {
            Expect.Equal(string.Join('|', request.ValuesOf("x-forwarded-for")), string.Join('|', sent.ValuesOf("x-forwarded-for")), "x-forwarded-for upstream");
            Expect.True(sent.Has("x-request-id") && sent.Has("x-forwarded-proto"), "x-request-id and x-forwarded-proto upstream");
        }
    }

    // What a client may say of itself to the proxy, and the proxy to the upstream, is for the tests of admission.
    private static bool IsOwned(ReferenceField field) => Owned.Contains(field.Name) || field.Name.StartsWith(Envoys, StringComparison.Ordinal);

    private static HashSet<string> Nominated(ReferenceMessage request) =>
        [.. request.ValuesOf("connection").SelectMany(static value => value.Split(',')).Select(static option => option.Trim(' ', '\t').ToLowerInvariant())];

    private static string Text(IEnumerable<ReferenceField> fields) => string.Join('\n', fields.Select(static field => field.Name + ':' + field.Value));
}
