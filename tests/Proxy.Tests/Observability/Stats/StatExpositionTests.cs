using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Tests.Observability.Stats;

public sealed class StatExpositionTests
{
    private readonly StatRegistry _registry = new();

    [Fact]
    public void Text_lists_counters_and_gauges_by_name_then_histograms()
    {
        _registry.Shared.Add(_registry.Gauge("b"), 2);
        _registry.Shared.Increment(_registry.Counter("c"));
        _registry.Shared.Increment(_registry.Counter("a"));
        _registry.Shared.Record(_registry.Histogram("0.latency"), 7);
        _registry.Histogram("1.silent");

        Text().Should().Be(
            "a: 1\nb: 2\nc: 1\n"
            + "0.latency: P0(nan,7) P25(nan,7) P50(nan,7) P75(nan,7) P90(nan,7) P95(nan,7) P99(nan,7) P99.5(nan,7) P99.9(nan,7) P100(nan,7)\n"
            + "1.silent: No recorded values\n");
    }

    [Fact]
    public void Interval_quantiles_count_from_an_earlier_snapshot()
    {
        var histogram = _registry.Histogram("h");
        _registry.Shared.Record(histogram, 1);
        var start = _registry.Collect();
        _registry.Shared.Record(histogram, 9);

        Render(output => StatText.Write(_registry.Collect(), start, output)).Should().StartWith("h: P0(9,1) ");
    }

    [Fact]
    public void Used_only_leaves_out_what_was_never_written()
    {
        _registry.Counter("idle");
        _registry.Histogram("silent");
        var gauge = _registry.Gauge("back_at_zero");
        _registry.Shared.Add(gauge, 1);
        _registry.Shared.Add(gauge, -1);

        Text(new StatFilter(UsedOnly: true)).Should().Be("back_at_zero: 0\n");
    }

    [Fact]
    public void A_filter_is_found_anywhere_in_the_name()
    {
        _registry.Counter("cluster.a.upstream_rq_total");
        _registry.Counter("cluster.b.upstream_rq_total");
        _registry.Counter("server.live");
        StatFilter.TryParse(@"\.b\.|live$", usedOnly: false, out var filter, out _).Should().BeTrue();

        Text(filter).Should().Be("cluster.b.upstream_rq_total: 0\nserver.live: 0\n");
    }

    [Theory]
    [InlineData("(")]
    [InlineData(@"(a)\1")]
    [InlineData("a(?=b)")]
    public void A_filter_that_is_broken_or_needs_backtracking_is_refused_with_a_reason(string pattern)
    {
        StatFilter.TryParse(pattern, usedOnly: false, out _, out var error).Should().BeFalse();
        error.Should().Contain("regular expression");
    }

    [Fact]
    public void A_filter_of_excessive_length_is_refused() =>
        StatFilter.TryParse(new string('a', 1025), usedOnly: false, out _, out _).Should().BeFalse();

    [Fact]
    public void Json_has_the_fields_of_envoy()
    {
        _registry.Shared.Increment(_registry.Counter("c"));
        _registry.Shared.Record(_registry.Histogram("h"), 3);

        using var json = JsonDocument.Parse(Render(output => StatJson.Write(_registry.Collect(), null, output)));
        var stats = json.RootElement.GetProperty("stats");

        stats[0].GetProperty("name").GetString().Should().Be("c");
        stats[0].GetProperty("value").GetInt64().Should().Be(1);
        var histograms = stats[1].GetProperty("histograms");
        histograms.GetProperty("supported_quantiles")[7].GetDouble().Should().Be(99.5);
        var first = histograms.GetProperty("computed_quantiles")[0];
        first.GetProperty("name").GetString().Should().Be("h");
        first.GetProperty("values")[0].GetRawText().Should().Be("""{"interval":null,"cumulative":3}""");
    }

    [Theory]
    [InlineData("cluster.x.upstream_rq_total", """envoy_cluster_upstream_rq_total{envoy_cluster_name="x"}""")]
    [InlineData("cluster.web.default.svc.upstream_cx_active", """envoy_cluster_upstream_cx_active{envoy_cluster_name="web.default.svc"}""")]
    [InlineData("cluster.x.circuit_breakers.default.cx_open", """envoy_cluster_circuit_breakers_default_cx_open{envoy_cluster_name="x"}""")]
    [InlineData("cluster.a.b.health_check.success", """envoy_cluster_health_check_success{envoy_cluster_name="a.b"}""")]
    [InlineData("cluster.x.ssl.versions.TLSv1.3", """envoy_cluster_ssl_versions_TLSv1_3{envoy_cluster_name="x"}""")]
    [InlineData("cluster.x.external.upstream_rq_2xx", """envoy_cluster_external_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="x"}""")]
    [InlineData("cluster.x.upstream_rq_503", """envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="x"}""")]
    [InlineData("cluster.x.upstream_rq_5xx", """envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="x"}""")]
    [InlineData("http.ingress.downstream_rq_2xx", """envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="ingress"}""")]
    [InlineData("http.ingress.rds.a.b.update_success", """envoy_http_rds_update_success{envoy_rds_route_config="a.b",envoy_http_conn_manager_prefix="ingress"}""")]
    [InlineData("http.ingress.tracing.random_sampling", """envoy_http_tracing_random_sampling{envoy_http_conn_manager_prefix="ingress"}""")]
    [InlineData("listener.0.0.0.0_8080.downstream_cx_total", """envoy_listener_downstream_cx_total{envoy_listener_address="0.0.0.0_8080"}""")]
    [InlineData("listener.[__1]_8080.downstream_cx_total", """envoy_listener_downstream_cx_total{envoy_listener_address="[__1]_8080"}""")]
    [InlineData("listener.0.0.0.0_80.http.ingress.downstream_rq_4xx", """envoy_listener_http_downstream_rq_xx{envoy_response_code_class="4",envoy_listener_address="0.0.0.0_80",envoy_http_conn_manager_prefix="ingress"}""")]
    [InlineData("listener.0.0.0.0_80.worker_1.downstream_cx_active", """envoy_listener_downstream_cx_active{envoy_listener_address="0.0.0.0_80",envoy_worker_id="1"}""")]
    [InlineData("listener.admin.downstream_cx_total", "envoy_listener_admin_downstream_cx_total")]
    [InlineData("server.live", "envoy_server_live")]
    [InlineData("control_plane.connected_state", "envoy_control_plane_connected_state")]
    [InlineData("access_log.dropped", "envoy_access_log_dropped")]
    [InlineData("cluster.a\"b\\c.x", """envoy_cluster_x{envoy_cluster_name="a\"b\\c"}""")]
    public void Prometheus_names_and_labels_are_those_of_envoy(string name, string expected)
    {
        _registry.Shared.Add(_registry.Counter(name), 3);
        var lines = Prometheus().Split('\n');

        lines[0].Should().Be($"# TYPE {expected.Split('{')[0]} counter");
        lines[1].Should().Be(expected + " 3");
    }

    [Fact]
    public void Prometheus_keeps_the_samples_of_a_metric_together()
    {
        _registry.Counter("cluster.a.upstream_cx_total");
        _registry.Counter("cluster.a.upstream_rq_total");
        _registry.Counter("cluster.b.upstream_cx_total");

        Prometheus().Should().Be(
            """
            # TYPE envoy_cluster_upstream_cx_total counter
            envoy_cluster_upstream_cx_total{envoy_cluster_name="a"} 0
            envoy_cluster_upstream_cx_total{envoy_cluster_name="b"} 0

            # TYPE envoy_cluster_upstream_rq_total counter
            envoy_cluster_upstream_rq_total{envoy_cluster_name="a"} 0


            """);
    }

    [Fact]
    public void Prometheus_histograms_have_cumulative_buckets_sum_and_count()
    {
        foreach (var value in new[] { 0, 1, 5, 6, 4_000_000 })
        {
            _registry.Shared.Record(_registry.Histogram("cluster.a.upstream_rq_time"), value);
        }

        var lines = Prometheus().Split('\n');
        lines[0].Should().Be("# TYPE envoy_cluster_upstream_rq_time histogram");
        lines[1].Should().Be("""envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="0.5"} 1""");
        lines[2].Should().Be("""envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="1"} 2""");
        lines[3].Should().Be("""envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="5"} 3""");
        lines[4].Should().Be("""envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="10"} 4""");
        lines[19].Should().Be("""envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="3600000"} 4""");
        lines[20].Should().Be("""envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="a",le="+Inf"} 5""");
        lines[21].Should().Be("""envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="a"} 4000012""");
        lines[22].Should().Be("""envoy_cluster_upstream_rq_time_count{envoy_cluster_name="a"} 5""");
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    [InlineData("prometheus")]
    public void A_large_page_is_written_in_small_pieces(string format)
    {
        const int Clusters = 2_000;
        for (var i = 0; i < Clusters; i++)
        {
            _registry.Shared.Add(_registry.Counter($"cluster.service-{i}.default.svc.upstream_rq_total"), i);
            _registry.Gauge($"cluster.service-{i}.default.svc.upstream_rq_active");
            _registry.Shared.Record(_registry.Histogram($"cluster.service-{i}.default.svc.upstream_rq_time"), i);
        }

        var snapshot = _registry.Collect();
        var pieces = PiecesOf(output => format switch
        {
            "text" => StatText.Write(snapshot, null, output),
            "json" => StatJson.Write(snapshot, null, output),
            _ => PrometheusText.Write(snapshot, output),
        });

        pieces.Should().OnlyContain(static piece => piece.Length < 256 * 1024);
        var page = Encoding.UTF8.GetString([.. pieces.SelectMany(static piece => piece)]);
        for (var i = 0; i < Clusters; i += 100)
        {
            page.Should().Contain(format switch
            {
                "text" => $"cluster.service-{i}.default.svc.upstream_rq_total: {i}\n",
                "json" => $$"""{"name":"cluster.service-{{i}}.default.svc.upstream_rq_total","value":{{i}}}""",
                _ => $$"""envoy_cluster_upstream_rq_total{envoy_cluster_name="service-{{i}}.default.svc"} {{i}}""" + "\n",
            });
        }

        if (format == "json")
        {
            using var json = JsonDocument.Parse(page);
            json.RootElement.GetProperty("stats").GetArrayLength().Should().Be((2 * Clusters) + 1);
            json.RootElement.GetProperty("stats")[2 * Clusters].GetProperty("histograms").GetProperty("computed_quantiles").GetArrayLength().Should().Be(Clusters);
        }
    }

    [Fact]
    public async Task Promtool_accepts_the_page()
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "promtool"))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, "promtool is not on the PATH (Debian: package prometheus)");
        foreach (var name in new[] { "cluster.a\"b\\c\nd.upstream_rq_200", "http.in.downstream_rq_2xx", "server.live", "9.odd-näme" })
        {
            _registry.Shared.Increment(_registry.Counter(name));
        }

        _registry.Shared.Record(_registry.Histogram("cluster.a.upstream_rq_time"), 12);
        using var promtool = Process.Start(new ProcessStartInfo(path, ["check", "metrics"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        await promtool.StandardInput.WriteAsync(Prometheus());
        promtool.StandardInput.Close();
        var complaints = await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();

        // 1 is "cannot be parsed"; 3 is "style", which Envoy's names do not meet.
        promtool.ExitCode.Should().BeOneOf([0, 3], complaints);
    }

    private string Text(StatFilter? filter = null) =>
        Render(output => StatText.Write(_registry.Collect(filter), null, output));

    private string Prometheus() => Render(output => PrometheusText.Write(_registry.Collect(), output));

    private static string Render(Func<IBufferWriter<byte>, IEnumerable<int>> write) => Encoding.UTF8.GetString([.. PiecesOf(write).SelectMany(static piece => piece)]);

    private static List<byte[]> PiecesOf(Func<IBufferWriter<byte>, IEnumerable<int>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        var pieces = new List<byte[]>();
        foreach (var _ in write(output))
        {
            pieces.Add(output.WrittenSpan.ToArray());
            output.Clear();
        }

        pieces.Add(output.WrittenSpan.ToArray());
        return pieces;
    }
}
