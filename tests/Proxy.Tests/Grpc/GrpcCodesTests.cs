using System.Buffers;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>What stands in <c>grpc-status</c> and <c>grpc-message</c> (gRPC, PROTOCOL-HTTP2 and "HTTP to gRPC Status Code Mapping"; Envoy's codes back).</summary>
public sealed class GrpcCodesTests
{
    [Theory]
    [InlineData(400, 13)]
    [InlineData(401, 16)]
    [InlineData(403, 7)]
    [InlineData(404, 12)]
    [InlineData(429, 14)]
    [InlineData(502, 14)]
    [InlineData(503, 14)]
    [InlineData(504, 14)]
    [InlineData(200, 2)]
    [InlineData(408, 2)]
    [InlineData(413, 2)]
    [InlineData(500, 2)]
    public void A_status_of_http_stands_for_one_of_grpc(int status, int code) => ((int)GrpcCodes.FromHttp(status)).Should().Be(code);

    [Fact]
    public void A_status_of_grpc_stands_for_one_of_http() =>
        Enumerable.Range(-1, 19).Select(static code => GrpcCodes.ToHttp((GrpcCode)code)).Should()
            .Equal(500, 200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401, 500);

    [Fact]
    public void Every_byte_of_a_message_is_itself_or_two_digits_that_decode_to_it()
    {
        var text = Enumerable.Range(0, 256).Select(static value => (byte)value).ToArray();
        var output = new ArrayBufferWriter<byte>();

        GrpcMessage.Encode(text, output);

        var encoded = Encoding.ASCII.GetString(output.WrittenSpan);
        encoded.Should().MatchRegex("^(%[0-9A-F]{2}|[ -$&-}])*$").And.Contain("%25").And.Contain(" !\"#$%25&").And.EndWith("%FE%FF");
        var decoded = new List<byte>();
        for (var i = 0; i < encoded.Length; i++)
        {
            decoded.Add(encoded[i] == '%' ? Convert.FromHexString(encoded.AsSpan(i + 1, 2))[0] : (byte)encoded[i]);
            i += encoded[i] == '%' ? 2 : 0;
        }

        decoded.Should().Equal(text);
    }
}
