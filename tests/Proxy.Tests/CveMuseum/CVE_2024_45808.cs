using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Envoy wrote a name that the client had chosen (in TLS, its SNI) into the access log as it came: line ends and quotes made up other records.</summary>
public sealed class CVE_2024_45808
{
    [Theory]
    [InlineData("GET /\"%0a HTTP/1.1\r\nhost: a\r\nx: y\r\n", "\"/\\\"%0a\" \"a\" \"y\"")]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\nx: y\" \"200\r\n", "\"/\" \"a\" \"y\\\" \\\"200\"")]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\nx: \\\r\n", "\"/\" \"a\" \"\\\\\"")]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\nx: a\t\u0085b\r\n", "\"/\" \"a\" \"a\\x09\\x85b\"")]
    public async Task What_a_client_chose_stays_inside_its_quotes(string head, string expected)
    {
        await using var exhibit = Exhibit.Open(configure: static http => http with
        {
            AccessLogs = [http.AccessLogs[0] with { Format = AccessLogFormat.Parse("\"%REQ(:PATH)%\" \"%REQ(:AUTHORITY)%\" \"%REQ(X)%\"\n") }],
        });

        await exhibit.SendAsync($"{head}connection: close\r\n\r\n");

        (await exhibit.Proxy.LogAsync()).Should().BeEquivalentTo(expected);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\nx: y\n[2024] \"GET /made-up\" 200\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nhost: a\n[2024] made up\r\n\r\n")]
    [InlineData("GET /\u001b[2J HTTP/1.1\r\nhost: a\r\n\r\n")]
    public async Task A_line_end_or_a_control_character_never_gets_as_far_as_the_log(string request)
    {
        await using var exhibit = Exhibit.Open();

        (await exhibit.SendAsync(request)).Should().Equal(400);

        (await exhibit.Proxy.LogAsync()).Should().NotContain("made").And.NotContain("\u001b");
    }
}
