using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Tests.Explain;

/// <summary>An explanation says how the endpoints of a cluster are spoken to.</summary>
public sealed class ExplainedConnectionsTests
{
    [Theory]
    [InlineData(UpstreamProtocol.Http1, "HTTP/1.1", "HTTP/1.1; ")]
    [InlineData(UpstreamProtocol.Http2, "HTTP/2", "HTTP/2; ")]
    [InlineData(UpstreamProtocol.Auto, "by ALPN", "HTTP/2 or HTTP/1.1, as ALPN agrees; ")]
    [InlineData(UpstreamProtocol.Downstream, "as the client", "HTTP/2 or HTTP/1.1, as the client speaks; ")]
    public async Task The_version_is_told(UpstreamProtocol protocol, string told, string line)
    {
        var (explanation, json) = await ExplainAsync(config => config with { Protocol = protocol });

        explanation.Should().Contain($"\n           {line}connections within 2000 ms, kept 3600000 ms unused\n");
        json.GetProperty("protocol").GetString().Should().Be(told);
        json.TryGetProperty("http2", out _).Should().Be(protocol != UpstreamProtocol.Http1);
        explanation.Contains("HTTP/2: ", StringComparison.Ordinal).Should().Be(protocol != UpstreamProtocol.Http1);
    }

    [Fact]
    public async Task The_settings_in_force_are_told()
    {
        var (explanation, json) = await ExplainAsync(static config => config with
        {
            Protocol = UpstreamProtocol.Http2,
            IdleTimeout = TimeSpan.Zero,
            MaxConnectionDuration = TimeSpan.FromMinutes(1),
            MaxRequestsPerConnection = 9,
            MaxStreamDuration = TimeSpan.FromSeconds(7),
            Http2 = new Http2Options
            {
                MaxConcurrentStreams = 50,
                InitialStreamWindow = 65_535,
                MaxStreamWindow = 131_072,
                InitialConnectionWindow = 262_144,
                HpackTableSize = 0,
                Keepalive = new Http2Keepalive { Interval = TimeSpan.FromSeconds(30), Timeout = TimeSpan.FromSeconds(5) },
            },
        });

        explanation.Should().Contain("""

                       HTTP/2; connections within 2000 ms, kept for ever, for 60000 ms at most, for 9 requests at most, each of 7000 ms at most
                       HTTP/2: 50 streams a connection at most, windows of 65535 (up to 131072) bytes a stream and 262144 a connection, PING every 30000 ms

            """.ReplaceLineEndings("\n"));
        json.GetRawText().Should().Be(
            """
            {"protocol":"HTTP/2","connect_timeout_ms":2000,"idle_timeout_ms":0,"max_duration_ms":60000,"max_stream_duration_ms":7000,"max_requests":9,"http2":{"max_concurrent_streams":50,"initial_stream_window_size":65535,"max_stream_window_size":131072,"initial_connection_window_size":262144,"hpack_table_size":0,"keepalive_interval_ms":30000}}
            """);
    }

    private static async Task<(string Text, JsonElement Json)> ExplainAsync(Func<ClusterConfig, ClusterConfig> configure)
    {
        var cluster = RunningProxy.Cluster("one", 1);
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("one"), [cluster with { Config = configure(cluster.Config) }]);
        var said = Explainer.Explain(proxy.Engine.Snapshot, ExplainRequest.Parse("http://a.test/", "GET", [], "test", out _)!);
        using var bytes = new MemoryStream();
        await using (var writer = new Utf8JsonWriter(bytes))
        {
            ExplanationJson.Write(said, writer);
        }

        using var json = JsonDocument.Parse(bytes.ToArray());
        return (ExplanationText.Of(said), json.RootElement.GetProperty("forward").GetProperty("clusters")[0].GetProperty("connections").Clone());
    }
}
