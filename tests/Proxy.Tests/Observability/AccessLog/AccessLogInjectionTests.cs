using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

/// <summary>Whatever bytes a client or an upstream sends, a record is one line and one JSON object.</summary>
public sealed class AccessLogInjectionTests
{
    /// <summary>Every operator that shows something that a client or an upstream chose.</summary>
    private static readonly string[] Foreign =
    [
        "%REQ(X)%", "%REQ(X):5%", "%REQ(NONE?X)%", "%REQ_WITHOUT_QUERY(X)%", "%RESP(X)%", "%RESP(X):3%", "%PATH%", "%PATH(NQ)%", "%QUERY_PARAM(q)%", "%QUERY_PARAM(q):2%",
        "%QUERY_PARAMS%", "%QUERY_PARAMS(DECODED)%", "%REQUESTED_SERVER_NAME(HOST_FIRST)%", "%STREAM_ID%", "%LOCAL_REPLY_BODY%", "%RESPONSE_CODE_DETAILS%",
        "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%", "%UPSTREAM_HOST_NAME%", "%UPSTREAM_HOST_NAME_WITHOUT_PORT%", "%UPSTREAM_HOST_NAMES_ATTEMPTED%", "%UPSTREAM_HOST%",
        "%UPSTREAM_REMOTE_PORT%", "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)%", "%GRPC_STATUS%", "%GRPC_STATUS_NUMBER%",
        "%COALESCE({\"operators\": [{\"command\": \"REQ\", \"param\": \"x\"}]}):4%",
    ];

    // Bytes that mean something to the formats come more often than by chance.
    private static readonly byte[] Special = "\"\\\r\n%{},:-?&=#[]0a\0\u001b\u007f"u8.ToArray();

    private static readonly Gen<byte[]> Bytes = Gen.Select(Gen.Byte, Gen.Int[0, Special.Length - 1], Gen.Bool, static (any, index, isSpecial) => isSpecial ? Special[index] : any).Array[0, 40];

    [Fact]
    public void A_record_of_any_bytes_is_one_printable_line()
    {
        var format = AccessLogFormat.Parse(string.Join(' ', Foreign) + "\n");

        Bytes.Sample(bytes =>
        {
            var line = Format(format, RequestOf(bytes));
            line[^1].Should().Be((byte)'\n');
            line.AsSpan(0, line.Length - 1).ContainsAnyExceptInRange((byte)' ', (byte)'~').Should().BeFalse();
        });
    }

    [Fact]
    public void A_quoted_value_ends_where_it_ends() => Bytes.Sample(bytes =>
    {
        var line = Encoding.ASCII.GetString(Format(AccessLogFormat.Parse("\"%REQ(X)%\"\n"), RequestOf(bytes)));
        var end = 1;
        while (line[end] != '"')
        {
            end += line[end] == '\\' ? 2 : 1;
        }

        end.Should().Be(line.Length - 2);
    });

    [Fact]
    public void A_json_record_of_any_bytes_is_one_object_with_the_keys_of_the_format()
    {
        var keys = Foreign.Select(static (_, index) => $"k{index:D2}").ToArray();
        var format = Json(keys.Zip(Foreign).SelectMany(static pair => new[] { (pair.First, pair.Second), (pair.First + "t", "\" " + pair.Second + "\\") }));

        Bytes.Sample(bytes =>
        {
            var line = Format(format, RequestOf(bytes));
            line.AsSpan(0, line.Length - 1).ContainsAnyInRange((byte)0, (byte)0x1F).Should().BeFalse();
            using var parsed = JsonDocument.Parse(line);
            parsed.RootElement.EnumerateObject().Select(static member => member.Name)
                .Should().Equal(keys.SelectMany(static key => new[] { key, key + "t" }));
            parsed.RootElement.GetProperty("k00").GetString().Should().Be(Encoding.UTF8.GetString(bytes));
            parsed.RootElement.GetProperty("k00t").GetString().Should().Be($"\" {Encoding.UTF8.GetString(bytes)}\\");
        });
    }

    private static FinishedRequest RequestOf(byte[] bytes) => new FinishedRequest
    {
        Id = bytes,
        Details = bytes,
        LocalReply = bytes,
        HostName = bytes,
        Upstream = bytes,
    }
        .With("x", bytes).With(":authority", bytes).With(":path", [.. "/p?q="u8, .. bytes]).With("content-type", "application/grpc")
        .WithResponse("x", bytes).WithResponse("grpc-status", bytes);

    private static AccessLogFormat Json(IEnumerable<(string Key, string Format)> members)
    {
        using var document = JsonDocument.Parse(JsonSerializer.Serialize(members.ToDictionary(static member => member.Key, static member => member.Format)));
        return AccessLogFormat.ParseJson(document.RootElement);
    }

    private static byte[] Format(AccessLogFormat format, FinishedRequest request)
    {
        var buffer = new byte[AccessLogFormat.MaxLineLength];
        format.TryFormat(request, buffer, out var written).Should().BeTrue();
        return buffer[..written];
    }
}
