using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

public sealed class AccessLogFormatTests
{
    [Fact]
    public void The_default_format_is_that_of_envoy()
    {
        var request = new FinishedRequest { ResponseCode = 204, BytesSent = 0 }
            .With(":method", "POST").With(":path", "/api/v1/locations").With("x-forwarded-for", "10.0.35.28").With("user-agent", "nsq2http")
            .With("x-request-id", "cc21d9b0").With(":authority", "locations").WithResponse("x-envoy-upstream-service-time", "100");

        Format(AccessLogFormat.Default, request).Should().Be(
            "[2016-04-15T20:17:00.310Z] \"POST /api/v1/locations HTTP/1.1\" 204 - 154 0 226 100 \"10.0.35.28\" \"nsq2http\" \"cc21d9b0\" "
            + "\"locations\" \"10.0.2.1:80\"\n");
    }

    [Fact]
    public void What_a_request_does_not_have_shows_as_a_dash()
    {
        var request = new FinishedRequest { ResponseCode = 0, Upstream = null, DurationMs = 0, ResponseFlags = ResponseFlags.DownstreamProtocolError };

        Format(AccessLogFormat.Default, request).Should().Be(
            "[2016-04-15T20:17:00.310Z] \"- - HTTP/1.1\" 0 DPE 154 12 0 - \"-\" \"-\" \"-\" \"-\" \"-\"\n");
    }

    [Theory]
    [InlineData("%PROTOCOL%", "HTTP/1.1")]
    [InlineData("100%%", "100%")]
    [InlineData("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%", "200 via_upstream")]
    [InlineData("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded")]
    [InlineData("%BYTES_RECEIVED%/%BYTES_SENT%", "154/12")]
    [InlineData("%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %REQUEST_TX_DURATION%", "226 1 100 126 4")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:DS_TX_END)% %COMMON_DURATION(US_CX_BEG:US_CX_END:us)% %COMMON_DURATION(US_TX_BEG:US_RX_BEG:ns)%", "226 5000 97000000")]
    [InlineData("%COMMON_DURATION(DS_RX_END:DS_TX_BEG:ms)% %COMMON_DURATION(US_TX_END:US_RX_END)% %COMMON_DURATION(US_RX_END:DS_RX_BEG)%", "100 216 -")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG)% %COMMON_DURATION(US_HS_END:DS_TX_END)% %COMMON_DURATION(custom:DS_TX_END)%", "- - -")]
    [InlineData("%UPSTREAM_CONNECTION_POOL_READY_DURATION% %DOWNSTREAM_HANDSHAKE_DURATION% %ROUNDTRIP_DURATION%", "3 - -")]
    [InlineData("%REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES% %RESPONSE_TRAILERS_BYTES%", "100 101 0")]
    [InlineData("%DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT%", "102 103 104 105")]
    [InlineData("%UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT% %UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT%", "106 107 108 109")]
    [InlineData("%UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT% %DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%", "107 102")]
    [InlineData("%BYTES_RETRANSMITTED%%PACKETS_RETRANSMITTED%[%CUSTOM_FLAGS%][%LOCAL_REPLY_BODY%]", "00[][]")]
    [InlineData("%UPSTREAM_PROTOCOL% %ACCESS_LOG_TYPE% %FILTER_CHAIN_NAME%", "HTTP/1.1 DownstreamEnd chain")]
    [InlineData("%UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT% %UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_CONNECTION_ID%", "web.example:80 web.example 10.0.2.1:80 9")]
    [InlineData("%UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%", "10.0.2.9:80,10.0.2.1:80 10.0.2.9,10.0.2.1")]
    [InlineData("%UPSTREAM_HOST_NAMES_ATTEMPTED% %UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT% %UPSTREAM_CONNECTION_IDS_ATTEMPTED%", "old.example,web.example:80 old.example,web.example 9")]
    [InlineData("%UPSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON%", "Normal RemoteReset -")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(64)% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(12)%", "2001:db8:1234:5678::/64 127.0.0.0/12")]
    [InlineData("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(33)% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_PORT%", "- 127.0.0.1:8080 8080")]
    [InlineData("%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_PEER_URI_SAN% %UPSTREAM_TLS_CIPHER% %TLS_JA3_FINGERPRINT% %DOWNSTREAM_PEER_CERT_V_START(%Y)%", "- - - - -")]
    [InlineData("%DYNAMIC_METADATA(a:b):9% %CLUSTER_METADATA(a)% %FILTER_STATE(a:PLAIN):3% %METADATA(ROUTE:a:b)% %TRACE_ID% %SPAN_ID%", "- - - - - -")]
    [InlineData("%PATH% %PATH(NQ)% %PATH(WQ:PATH):3% [%PATH(NQ:ORIG)%]", "/a?b=c%20d&e /a /a? [-]")]
    [InlineData("%QUERY_PARAM(b)% %QUERY_PARAM(b):1% [%QUERY_PARAM(e)%] %QUERY_PARAM(x)%", "c d c [] -")]
    [InlineData("%QUERY_PARAMS% %QUERY_PARAMS(DECODED):5%", "b=c%20d&e b=c d")]
    [InlineData("%REQUEST_HEADER(:METHOD)% %RESPONSE_HEADER(Server)% %RESPONSE_TRAILER(x)% %STREAM_INFO_REQ(X-LONG):1%", "GET kpn - a")]
    [InlineData("%REQUESTED_SERVER_NAME(HOST_FIRST)% %REQUESTED_SERVER_NAME(SNI_FIRST:ORIG)% %REQUESTED_SERVER_NAME(SNI_ONLY)%", "ho_st:8 - -")]
    [InlineData("%COALESCE({\"operators\": [\"TRACE_ID\", {\"command\": \"REQ\", \"param\": \"x-none\"}, {\"command\": \"REQ\", \"param\": \"x-long\"}]}):3%", "abc")]
    [InlineData("%COALESCE({\"operators\": [\"TRACE_ID\", \"LOCAL_REPLY_BODY\"]})%", "-")]
    [InlineData("%GRPC_STATUS% %GRPC_STATUS_NUMBER%", "- -")]
    [InlineData("%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS%", "10.0.2.1:80 web_stat web 10.0.0.9:40000")]
    [InlineData("%UPSTREAM_TRANSPORT_FAILURE_REASON%%CONNECTION_TERMINATION_DETAILS%%REQUESTED_SERVER_NAME%", "---")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS%", "[2001:db8:1234:5678:9abc:def0:1234:5678]:5555")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8:1234:5678:9abc:def0:1234:5678")]
    [InlineData("%DOWNSTREAM_REMOTE_PORT%", "5555")]
    [InlineData("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "127.9.8.7")]
    [InlineData("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%", "127.0.0.1:8080 8080")]
    [InlineData("%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %CONNECTION_ID% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %STREAM_ID%", "r1 - 7 2 3f6a0000-cf5c-432b-8c7e-98aeb7988cd2")]
    [InlineData("%REQ(:PATH)%", "/a?b=c%20d&e")]
    [InlineData("%REQ_WITHOUT_QUERY(:PATH)%", "/a")]
    [InlineData("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "/a?b=c%20d&e")]
    [InlineData("%REQ(X-Long):4%|%REQ(X-None?X-Long):2%|%REQ(X-Long):99%", "abcd|ab|abcdef")]
    [InlineData("%RESP(Server)%", "kpn")]
    [InlineData("%TRAILER(grpc-status)%", "-")]
    public void Operators_show_what_they_name(string format, string expected)
    {
        var request = FinishedRequest.Get("/a?b=c%20d&e").With("x-long", "abcdef").With(":authority", "ho st:8").WithResponse("server", "kpn");
        request.ResponseFlags = ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamRetryLimitExceeded;

        Format(AccessLogFormat.Parse(format), request).Should().Be(expected);
    }

    [Fact]
    public void The_host_name_is_that_of_the_machine() =>
        Format(AccessLogFormat.Parse("%HOSTNAME%"), new FinishedRequest()).Should().Be(Environment.MachineName);

    [Theory]
    [InlineData("%START_TIME%", "2016-04-15T20:17:00.310Z")]
    [InlineData("%START_TIME(%Y/%m/%dT%H:%M:%S%z)%", "2016/04/15T20:17:00+0000")]
    [InlineData("%START_TIME(%s.%3f)%", "1460751420.310")]
    [InlineData("%START_TIME(%s.%6f|%9f|%f|%1f)%", "1460751420.310000|310000000|310000000|3")]
    [InlineData("%START_TIME(%FT%T (%Z) %E3S)%", "2016-04-15T20:17:00 (UTC) 00.310")]
    [InlineData("%START_TIME(%d/%b/%Y:%H:%M:%S %z)%", "15/Apr/2016:20:17:00 +0000")]
    [InlineData("%START_TIME(%a %A %B %e %I %p %j %y %u %w %%)%", "Fri Friday April 15 08 PM 106 16 5 5 %")]
    [InlineData("%START_TIME(%k %l %P %r %R %T %D %x %X %c)%", "20  8 pm 08:17:00 PM 20:17 20:17:00 04/15/16 04/15/16 20:17:00 Fri Apr 15 20:17:00 2016")]
    [InlineData("%START_TIME(%C %G %g %V %U %W %h %E4Y %Ez %E*S %E2f)%", "20 2016 16 15 15 15 Apr 2016 +00:00 00.3100000 31")]
    [InlineData("%EMIT_TIME% %EMIT_TIME(%s.%3f)%", "2016-04-15T20:17:00.536Z 1460751420.536")]
    public void Start_time_takes_strftime_patterns(string format, string expected) =>
        Format(AccessLogFormat.Parse(format), new FinishedRequest()).Should().Be(expected);

    [Fact]
    public void Start_time_is_shown_in_utc() =>
        Format(AccessLogFormat.Parse("%START_TIME(%T)%"), new FinishedRequest { StartTime = new(2020, 1, 1, 1, 0, 0, TimeSpan.FromHours(2)) })
            .Should().Be("23:00:00");

    [Fact]
    public void White_space_in_details_becomes_underscores_unless_allowed()
    {
        var request = new FinishedRequest { Details = "a b\tc"u8.ToArray() };

        Format(AccessLogFormat.Parse("%RESPONSE_CODE_DETAILS%"), request).Should().Be("a_b_c");
        Format(AccessLogFormat.Parse("%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%"), request).Should().Be(@"a b\x09c");
    }

    [Fact]
    public void Omitted_values_leave_nothing_in_text() =>
        Format(AccessLogFormat.Parse("[%REQ(X-NONE)%]", omitEmptyValues: true), new FinishedRequest()).Should().Be("[]");

    [Theory]
    [InlineData("%FOO%", 0, "known are")]
    [InlineData("ab %foo%", 3, "%% for a percent sign")]
    [InlineData("50%", 2, "%% for a percent sign")]
    [InlineData("x %PROTOCOL", 2, "not closed")]
    [InlineData("%REQ(A%", 0, "not closed")]
    [InlineData("%REQ%", 0, "needs a header's name")]
    [InlineData("%REQ()%", 0, "needs a header's name")]
    [InlineData("%REQ(A?B?C)%", 0, "at most one alternative")]
    [InlineData("%REQ(A B)%", 0, "no header name")]
    [InlineData("%REQ(A):x%", 8, "whole number")]
    [InlineData("%PROTOCOL(x)%", 0, "no argument")]
    [InlineData("%PROTOCOL:5%", 0, "no maximum length")]
    [InlineData("%START_TIME(%s.%6f):10%", 0, "no maximum length")]
    [InlineData("%START_TIME(%Q)%", 0, "known are")]
    [InlineData("%START_TIME(%E9Y)%", 0, "known are")]
    [InlineData("%START_TIME(%n)%", 0, "line break")]
    [InlineData("%VIRTUAL_HOST_NAME%", 0, "known are")]
    [InlineData("%CEL(response.code)%", 0, "known are")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG)%", 0, "takes two moments")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:s)%", 0, "write ms, us or ns")]
    [InlineData("%PATH(XX)%", 0, "WQ or NQ")]
    [InlineData("%QUERY_PARAM%", 0, "needs a query parameter's name")]
    [InlineData("%QUERY_PARAMS(X)%", 0, "ORIG or DECODED")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(129)%", 0, "0 to 128")]
    [InlineData("%DOWNSTREAM_REMOTE_PORT(8)%", 0, "no argument")]
    [InlineData("%GRPC_STATUS(X)%", 0, "SNAKE_STRING")]
    [InlineData("%ENVIRONMENT%", 0, "needs an environment variable's name")]
    [InlineData("%DYNAMIC_METADATA%", 0, "needs to say what to look up")]
    [InlineData("%REQUESTED_SERVER_NAME(X)%", 0, "SNI_ONLY")]
    [InlineData("%COALESCE(x)%", 0, "the argument is not what it should be")]
    [InlineData("%COALESCE({\"operators\": [\"NOPE\"]})%", 0, "known are")]
    [InlineData("%RESPONSE_CODE_DETAILS(X)%", 0, "ALLOW_WHITESPACES")]
    public void A_wrong_format_is_refused_with_place_and_remedy(string format, int position, string remedy)
    {
        var refused = FluentActions.Invoking(() => AccessLogFormat.Parse(format)).Should().Throw<AccessLogFormatException>().Which;

        refused.Position.Should().Be(position);
        refused.Message.Should().Contain($"character {position + 1}").And.Contain(remedy);
    }

    [Fact]
    public void Text_cannot_be_forged_by_header_values()
    {
        var request = new FinishedRequest().With("user-agent", "a\" 200\r\n[2016] \"GET\\ \u001b[2J\u0080\u00e9\0");

        Format(AccessLogFormat.Parse("\"%REQ(USER-AGENT)%\"\n"), request)
            .Should().Be("\"a\\\" 200\\x0d\\x0a[2016] \\\"GET\\\\ \\x1b[2J\\x80\\xe9\\x00\"\n");
    }

    [Fact]
    public void Any_header_value_leaves_one_line_of_printable_text_and_one_json_object()
    {
        var text = AccessLogFormat.Parse("%REQ(X)%\n");
        var json = Json("""{"x":"%REQ(X)%","y":"a %REQ(X)% b"}""");
        Gen.Byte.Array[0, 60].Sample(value =>
        {
            var request = new FinishedRequest().With("x", value);
            var line = Format(text, request);
            line.TrimEnd('\n').Should().NotContainAny("\n", "\r");
            line[..^1].All(character => character is >= ' ' and <= '~').Should().BeTrue();

            var jsonLine = Format(json, request);
            jsonLine.IndexOf('\n').Should().Be(jsonLine.Length - 1);
            using var parsed = JsonDocument.Parse(jsonLine);
            parsed.RootElement.GetProperty("x").GetString().Should().Be(Encoding.UTF8.GetString(value));
            parsed.RootElement.GetProperty("y").GetString().Should().Be($"a {Encoding.UTF8.GetString(value)} b");
        });
    }

    [Fact]
    public void Json_keeps_types_and_nesting()
    {
        var format = Json(
            """
            {"code":"%RESPONSE_CODE%","flags":"%RESPONSE_FLAGS%","ms":"%DURATION%","tx":"%ROUNDTRIP_DURATION%","none":"%REQ(X-NONE)%",
             "mixed":"%RESPONSE_CODE% %REQ(X-NONE)%","req":{"path":"%REQ(:PATH)%","empty":{}},"list":["%PROTOCOL%","%REQ(X-NONE)%",1],
             "fixed":"a\"b","on":true,"nothing":null}
            """);

        Format(format, FinishedRequest.Get("/x")).Should().Be(
            """{"code":200,"fixed":"a\u0022b","flags":"-","list":["HTTP/1.1",null,1],"mixed":"200 -","ms":226,"none":null,"nothing":null,"""
            + """ "on":true,"req":{"empty":{},"path":"/x"},"tx":null}""".TrimStart() + "\n");
    }

    [Fact]
    public void Json_leaves_out_keys_without_value_where_asked() =>
        Format(Json("""{"a":"%REQ(X-NONE)%","b":"%RESPONSE_CODE%","c":"%REQ(X-NONE)%","d":"%REQ(X-NONE)%!"}""", omitEmptyValues: true), new FinishedRequest())
            .Should().Be("""{"b":200,"d":"!"}""" + "\n");

    [Fact]
    public void A_wrong_json_format_is_refused_with_its_path()
    {
        var refused = FluentActions.Invoking(() => Json("""{"a":{"b":["%PROTOCOL%","%NOPE%"]}}"""))
            .Should().Throw<AccessLogFormatException>().Which;

        refused.Path.Should().Be("json_format.a.b[1]");
        refused.Message.Should().StartWith("access log format, json_format.a.b[1], character 1: %NOPE%: is no known operator");
        FluentActions.Invoking(() => Json("[]")).Should().Throw<AccessLogFormatException>();
    }

    [Fact]
    public void A_line_that_does_not_fit_the_room_is_not_written()
    {
        AccessLogFormat.Default.TryFormat(new FinishedRequest(), new byte[40], out var written).Should().BeFalse();
        written.Should().Be(0);
    }

    [Fact]
    public void A_line_longer_than_any_line_is_cut_value_by_value_and_still_written()
    {
        var request = new FinishedRequest().With("a", new string('\u0001', 60_000)).With("b", "short");

        var line = Format(AccessLogFormat.Parse("%REQ(A)% %REQ(B)%\n"), request);

        line.Should().Be(string.Concat(Enumerable.Repeat(@"\x01", 1024)) + "... short\n");
    }

    [Fact]
    public void Every_operator_formats_without_an_allocation()
    {
        var commands = AccessLogOperators.Names.Select(Command).ToArray();
        var request = FinishedRequest.Get("/a?q=%41&" + new string('x', 2000)).With("x", "value").With("content-type", "application/grpc").WithResponse("x", "value");
        var json = Json($"{{{string.Join(',', commands.Select(static (command, index) => $"\"k{index}\":{JsonSerializer.Serialize(command)}"))}}}");
        var text = AccessLogFormat.Parse(string.Join(' ', commands) + "\n");
        var buffer = new byte[AccessLogFormat.MaxLineLength];
        FormatBoth(3).Should().BeTrue();
        AllocatedBytes.Least(() => FormatBoth(1000)).Should().Be(0);

        bool FormatBoth(int times)
        {
            var all = true;
            for (var i = 0; i < times; i++)
            {
                all &= json.TryFormat(request, buffer, out _) && text.TryFormat(request, buffer, out _);
            }

            return all;
        }

        // With an argument that suits it.
        static string Command(string name) => name switch
        {
            "REQ" or "REQUEST_HEADER" or "STREAM_INFO_REQ" or "REQ_WITHOUT_QUERY" or "RESP" or "RESPONSE_HEADER" or "TRAILER" or "RESPONSE_TRAILER" => $"%{name}(X?Y):100%",
            "QUERY_PARAM" => "%QUERY_PARAM(q)%",
            "QUERY_PARAMS" => "%QUERY_PARAMS(DECODED)%",
            "COMMON_DURATION" => "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
            "ENVIRONMENT" => "%ENVIRONMENT(PATH):5%",
            "REQUESTED_SERVER_NAME" => "%REQUESTED_SERVER_NAME(HOST_FIRST)%",
            "COALESCE" => "%COALESCE({\"operators\": [\"TRACE_ID\", \"PROTOCOL\"]})%",
            "START_TIME_LOCAL" => "%START_TIME_LOCAL(%c %z %Z %V)%",
            _ when name.EndsWith("METADATA", StringComparison.Ordinal) || name.EndsWith("FILTER_STATE", StringComparison.Ordinal) => $"%{name}(a)%",
            _ when name.EndsWith("ADDRESS_WITHOUT_PORT", StringComparison.Ordinal) => $"%{name}(24)%",
            _ => $"%{name}%",
        };
    }

    [Fact]
    public void The_documentation_lists_every_operator_and_no_other()
    {
        var text = File.ReadAllText(Repository.File("docs/observability.md"));
        var section = text[text.IndexOf("### Operators", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n### ", 5, StringComparison.Ordinal)];
        var documented = Regex.Matches(section, "`(?<name>[A-Z][A-Z0-9_]{2,})[`(]", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Select(static match => match.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);

        AccessLogOperators.Names.Should().BeEquivalentTo(documented);
    }

    private static AccessLogFormat Json(string json, bool omitEmptyValues = false)
    {
        using var document = JsonDocument.Parse(json);
        return AccessLogFormat.ParseJson(document.RootElement, omitEmptyValues);
    }

    private static string Format(AccessLogFormat format, FinishedRequest request)
    {
        var buffer = new byte[AccessLogFormat.MaxLineLength];
        format.TryFormat(request, buffer, out var written).Should().BeTrue();
        return Encoding.UTF8.GetString(buffer, 0, written);
    }
}
