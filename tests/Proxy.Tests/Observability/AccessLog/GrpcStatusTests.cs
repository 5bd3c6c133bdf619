using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

public sealed class GrpcStatusTests
{
    [Theory]
    [InlineData("0", 200, "OK OK 0 0")]
    [InlineData("3", 200, "InvalidArgument INVALID_ARGUMENT 3 3")]
    [InlineData("1", 200, "Canceled CANCELLED 1 1")]
    [InlineData("99", 200, "99 99 99 99")]
    [InlineData(null, 200, "Unknown UNKNOWN 2 2")]
    [InlineData("x", 400, "-1 -1 -1 -1")]
    [InlineData("", 400, "Internal INTERNAL 13 13")]
    [InlineData(null, 401, "Unauthenticated UNAUTHENTICATED 16 16")]
    [InlineData(null, 403, "PermissionDenied PERMISSION_DENIED 7 7")]
    [InlineData(null, 404, "Unimplemented UNIMPLEMENTED 12 12")]
    [InlineData(null, 503, "Unavailable UNAVAILABLE 14 14")]
    [InlineData(null, 0, "- - - -")]
    public void A_grpc_request_has_the_status_of_its_header_or_of_http(string? header, int status, string expected)
    {
        var request = new FinishedRequest { ResponseCode = status }.With("content-type", "application/grpc+proto");
        if (header is not null)
        {
            request.WithResponse("grpc-status", header);
        }

        Format(AccessLogFormat.Parse("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%"), request).Should().Be(expected);
    }

    [Fact]
    public void Json_shows_the_number_as_a_number()
    {
        using var format = JsonDocument.Parse("""{"n":"%GRPC_STATUS_NUMBER%","s":"%GRPC_STATUS%"}""");

        Format(AccessLogFormat.ParseJson(format.RootElement), new FinishedRequest().With("content-type", "application/grpc").WithResponse("grpc-status", "7"))
            .Should().Be("""{"n":7,"s":"PermissionDenied"}""" + "\n");
    }

    [Theory]
    [InlineData("application/grpc-web")]
    [InlineData("application/json")]
    public void Another_request_has_none(string type) =>
        Format(AccessLogFormat.Parse("%GRPC_STATUS%"), new FinishedRequest().With("content-type", type).WithResponse("grpc-status", "7")).Should().Be("-");

    private static string Format(AccessLogFormat format, FinishedRequest request)
    {
        var buffer = new byte[256];
        format.TryFormat(request, buffer, out var written).Should().BeTrue();
        return Encoding.UTF8.GetString(buffer, 0, written);
    }
}
