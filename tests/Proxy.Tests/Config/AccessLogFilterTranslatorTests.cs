using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tests.Observability.AccessLog;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds.Validation;
using Filter = KubeProxyNet.Proxy.Runtime.LogFilters.AccessLogFilter;
using Message = Envoy.Config.Accesslog.V3.AccessLogFilter;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class AccessLogFilterTranslatorTests
{
    private const string Status = "status_code_filter: {comparison: {op: ";
    private const string Duration = "duration_filter: {comparison: {op: ";

    [Theory]
    [InlineData(Status + "EQ, value: {default_value: 503}}}", true)]
    [InlineData(Status + "EQ, value: {default_value: 500, runtime_key: k}}}", false)]
    [InlineData(Status + "GE, value: {default_value: 503}}}", true)]
    [InlineData(Status + "GE, value: {default_value: 504}}}", false)]
    [InlineData(Status + "LE, value: {default_value: 503}}}", true)]
    [InlineData(Status + "LE, value: {default_value: 502}}}", false)]
    [InlineData(Status + "NE, value: {default_value: 503}}}", false)]
    [InlineData(Status + "NE, value: {default_value: 200}}}", true)]
    [InlineData(Duration + "GE, value: {default_value: 226}}}", true)]
    [InlineData(Duration + "GE, value: {default_value: 227}}}", false)]
    [InlineData(Duration + "LE, value: {default_value: 225}}}", false)]
    [InlineData("not_health_check_filter: {}", true)]
    [InlineData("log_type_filter: {types: [DownstreamStart, DownstreamEnd]}", true)]
    [InlineData("log_type_filter: {types: [DownstreamEnd], exclude: true}", false)]
    [InlineData("log_type_filter: {types: [UpstreamEnd]}", false)]
    [InlineData("response_flag_filter: {}", true)]
    [InlineData("response_flag_filter: {flags: [UF, UO]}", true)]
    [InlineData("response_flag_filter: {flags: [NR, DC]}", false)]
    [InlineData("grpc_status_filter: {statuses: [UNAVAILABLE]}", true)]
    [InlineData("grpc_status_filter: {statuses: [UNAVAILABLE], exclude: true}", false)]
    [InlineData("grpc_status_filter: {statuses: [OK, UNKNOWN]}", false)]
    [InlineData("header_filter: {header: {name: X-Kind, string_match: {exact: a}}}", true)]
    [InlineData("header_filter: {header: {name: x-kind, string_match: {prefix: b}}}", false)]
    [InlineData("header_filter: {header: {name: x-kind, string_match: {safe_regex: {regex: '[ab]'}}}}", true)]
    [InlineData("header_filter: {header: {name: x-kind, present_match: true, invert_match: true}}", false)]
    [InlineData("header_filter: {header: {name: ':method', string_match: {exact: GET}}}", true)]
    [InlineData("and_filter: {filters: [{not_health_check_filter: {}}, {response_flag_filter: {flags: [UF]}}]}", true)]
    [InlineData("and_filter: {filters: [{not_health_check_filter: {}}, {response_flag_filter: {flags: [NR]}}]}", false)]
    [InlineData("or_filter: {filters: [{response_flag_filter: {flags: [NR]}}, {and_filter: {filters: [{not_health_check_filter: {}}]}}]}", true)]
    [InlineData("or_filter: {filters: [{response_flag_filter: {flags: [NR]}}, {response_flag_filter: {flags: [DC]}}]}", false)]
    [InlineData("runtime_filter: {runtime_key: k}", false)]
    [InlineData("runtime_filter: {runtime_key: k, percent_sampled: {numerator: 100}}", true)]
    public void A_filter_decides_as_envoys(string filter, bool records) =>
        Good(filter).Records(Failed(), Head("GET / HTTP/1.1\r\nhost: h\r\nx-kind: a\r\n\r\n")).Should().Be(records);

    [Fact]
    public void Without_a_flag_the_filter_for_any_flag_does_not_record() =>
        Good("response_flag_filter: {}").Records(new FinishedRequest(), new RequestHead()).Should().BeFalse();

    [Theory]
    [InlineData("HUNDRED", 60, 0x3f6a0000u % 100 < 60)]
    [InlineData("HUNDRED", 12, 0x3f6a0000u % 100 < 12)]
    [InlineData("TEN_THOUSAND", 5000, 0x3f6a0000u % 10_000 < 5000)]
    [InlineData("MILLION", 500_000, 0x3f6a0000u % 1_000_000 < 500_000)]
    public void A_share_is_decided_by_the_request_id(string denominator, int numerator, bool records)
    {
        var filter = Good($"runtime_filter: {{runtime_key: k, percent_sampled: {{numerator: {numerator}, denominator: {denominator}}}}}");

        for (var i = 0; i < 10; i++)
        {
            filter.Records(new FinishedRequest(), new RequestHead()).Should().Be(records);
        }
    }

    [Theory]
    [InlineData("runtime_filter: {runtime_key: k, percent_sampled: {numerator: 30}, use_independent_randomness: true}", "3f6a0000-cf5c")]
    [InlineData("runtime_filter: {runtime_key: k, percent_sampled: {numerator: 30}}", "no-uuid-at-all")]
    [InlineData("runtime_filter: {runtime_key: k, percent_sampled: {numerator: 30}}", "3f6a")]
    public void Without_a_usable_request_id_a_share_is_left_to_chance(string filter, string id)
    {
        // Its random numbers are 1, 2, 3 and so on.
        var request = new FinishedRequest { Id = System.Text.Encoding.ASCII.GetBytes(id) };
        var built = Good(filter);

        Enumerable.Range(0, 1000).Count(_ => built.Records(request, new RequestHead())).Should().Be(300);
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var filter = Good("""
            and_filter: {filters: [
              {or_filter: {filters: [{response_flag_filter: {flags: [NR]}}, {status_code_filter: {comparison: {op: GE, value: {default_value: 500}}}}]}},
              {header_filter: {header: {name: x-kind, string_match: {safe_regex: {regex: 'a+'}}}}},
              {duration_filter: {comparison: {op: GE, value: {default_value: 1}}}},
              {grpc_status_filter: {statuses: [UNAVAILABLE]}},
              {runtime_filter: {runtime_key: k, percent_sampled: {numerator: 100}}}]}
            """);
        var request = Failed();
        var head = Head("GET / HTTP/1.1\r\nhost: h\r\nx-kind: a\r\n\r\n");
        for (var i = 0; i < 100; i++)
        {
            filter.Records(request, head).Should().BeTrue();
        }

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                filter.Records(request, head);
            }
        }).Should().Be(0);
    }

    [Theory]
    [InlineData("response_flag_filter: {flags: [UF, XX]}", "access_log[0].filter.response_flag_filter.flags[1]: \"XX\" is no response flag; use some of LH, UH, UT")]
    [InlineData("traceable_filter: {}", "access_log[0].filter.traceable_filter: there is no tracing, so nothing would be recorded; remove the filter")]
    [InlineData("header_filter: {header: {name: x, string_match: {safe_regex: {regex: '('}}}}", "access_log[0].filter.header_filter.header: '(' is not a usable regular expression")]
    [InlineData("or_filter: {filters: [{not_health_check_filter: {}}, {}]}", "access_log[0].filter.or_filter.filters[1]: is no filter that is supported; use status_code_filter")]
    [InlineData("", "access_log[0].filter: is no filter that is supported; use status_code_filter")]
    public void A_filter_that_cannot_be_done_is_refused(string filter, string problem)
    {
        Translate(filter, out var problems).Should().BeNull();
        problems.Found.Should().ContainSingle().Which.ToString().Should().StartWith(problem);
    }

    [Fact]
    public void Filters_in_filters_have_a_limit()
    {
        var nested = string.Concat(Enumerable.Repeat("and_filter: {filters: [{", 17)) + "not_health_check_filter: {}" + string.Concat(Enumerable.Repeat("}]}", 17));

        Translate(nested, out var problems).Should().BeNull();
        problems.Found.Should().ContainSingle().Which.Message.Should().Contain("more than 16 deep");
    }

    private static FinishedRequest Failed() => new FinishedRequest { ResponseCode = 503, ResponseFlags = ResponseFlags.UpstreamConnectionFailure };

    private static RequestHead Head(string sent)
    {
        var head = new RequestHead();
        var bytes = System.Text.Encoding.ASCII.GetBytes(sent);
        SentHeadReader.Read(head, bytes, bytes.Length);
        return head;
    }

    private static Filter Good(string filter)
    {
        var translated = Translate(filter, out var problems);
        problems.Found.Should().BeEmpty();
        return translated!;
    }

    private static Filter? Translate(string filter, out TranslationProblems problems) => AccessLogFilterTranslator.Translate(
        FromYaml.Message<Message>($"{{{filter}}}"), problems = new TranslationProblems(), ConfigPath.Root.Field("access_log").Index(0).Field("filter"));
}
