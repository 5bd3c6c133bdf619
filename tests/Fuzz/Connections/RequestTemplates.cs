using System.Globalization;
using System.Text;
using KubeProxyNet.Fuzz.Generation;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>Requests that a proxy passes, each other than the last, and each full of its client's marker.</summary>
internal static class RequestTemplates
{
    private static readonly string[] Methods = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "x-y"];

    private static readonly string[] Targets = ["/M/", "/M?M", "/a/../M//%2e", "http://M/M", "http://a:80?M", "/M/\"<>\\^`{|}", "/M;a=b?c=/d?e", "/"];

    private static readonly string[] Fields =
    [
        "x-m: M", "X-Case:M", "x-empty:", "cookie: M=M; a=b", "connection: keep-alive, x-m", "connection: x-case", "te: trailers", "x-forwarded-for: 1.2.3.4, M",
        "x-forwarded-for:", "x-forwarded-proto: M", "x-request-id: M", "expect: 100-continue", "keep-alive: M", "proxy-connection: M", "trailer: M", "accept: */*",
        "x-tab: \tM \tM\t ", "x-text: \u00ff\u0080M", "content-type: M", "M: M", "x-envoy-expected-rq-timeout-ms: M", "x-long: " + "MMMMMMMMMMMMMMMMMMMM", "user-agent: M",
        "x-envoy-internal: true", "connection: upgrade\r\nupgrade: websocket",
    ];

    /// <summary>Appends one request.</summary>
    public static void Add(ByteText text, string marker, FuzzRandom random)
    {
        if (random.Once(12))
        {
            text.Add("\r\n");
        }

        var isOld = random.Once(40);
        var target = random.Once(3) ? random.Of(Targets) : Targets[0] + random.Next(1000).ToString(CultureInfo.InvariantCulture);
        AddLine(text, $"{random.Of(Methods)} {target} HTTP/1.{(isOld ? 0 : 1)}", marker);
        AddLine(text, random.Once(8) ? "HOST:\tM:8080 " : "host: a", marker);
        AddLine(text, "x-id: M", marker);
        if (isOld && !random.Once(3))
        {
            AddLine(text, "connection: keep-alive", marker);
        }

        for (var n = random.Once(40) ? 90 : random.Next(5); n > 0; n--)
        {
            // An upgrade ends the requests of the connection.
            var field = random.Next(Fields.Length);
            AddLine(text, field == Fields.Length - 1 && !random.Once(20) ? Fields[0] : Fields[field], marker);
        }

        AddBody(text, marker, random, isOld);
    }

    private static void AddBody(ByteText text, string marker, FuzzRandom random, bool isOld)
    {
        var body = Body(marker, random);
        switch (random.Next(6))
        {
            case 0 or 1:
                AddLine(text, $"content-length:{(random.Once(4) ? "\t0" : " ")}{body.Length}", marker);
                text.Add("\r\n");
                text.Add(body);
                break;
            case 2 when !isOld:
                AddLine(text, random.Once(3) ? "Transfer-Encoding: CHUNKED" : "transfer-encoding: chunked", marker);
                text.Add("\r\n");
                AddChunks(text, body, marker, random);
                break;
            default:
                text.Add("\r\n");
                break;
        }
    }

    private static string Body(string marker, FuzzRandom random)
    {
        var times = random.Once(100) ? random.Next(2000) : random.Next(8);
        return random.Once(6)
            ? $"GET /{marker}/smuggled HTTP/1.1\r\nhost: a\r\n\r\n0\r\n\r\n"
            : new StringBuilder().Insert(0, marker, times).ToString();
    }

    private static void AddChunks(ByteText text, string body, string marker, FuzzRandom random)
    {
        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Once(4) ? 1 : random.Between(1, 5000));
            var extension = random.Of(["", "", "", ";a", "; a = b", ";a=\"M;\\\"\"", ";M=M"]);
            AddLine(text, $"{(random.Once(5) ? "00" : "")}{length.ToString(random.Once(2) ? "x" : "X", CultureInfo.InvariantCulture)}{extension}", marker);
            text.Add(body.Substring(at, length));
            text.Add("\r\n");
            at += length;
        }

        text.Add("0\r\n");
        if (random.Once(4))
        {
            AddLine(text, random.Of(["t: M", "content-length: 5", "transfer-encoding: chunked", "M:"]), marker);
        }

        text.Add("\r\n");
    }

    private static void AddLine(ByteText text, string line, string marker)
    {
        text.Add(line.Replace("M", marker, StringComparison.Ordinal));
        text.Add("\r\n");
    }
}
