using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Tests.Observability.AccessLog;

public sealed class AccessLogFormatTests
{
    [Fact]
    public void The_default_format_is_that_of_envoy()
    {
        var request = new FinishedRequest { ResponseCode = 204, BytesSent = 0 }
            .With(":method", "POST").With(":path", "/api/v1/locations").With("x-forwarded-for", "10.0.35.28").With("user-agent", "nsq2http")
            .With("x-request-id", "cc21d9b0").With(":authority", "locations");
        request.ResponseHeaders["x-envoy-upstream-service-time"] = "100"u8.ToArray();

        Format(AccessLogFormat.Default, request).Should().Be(
            "[2016-04-15T20:17:00.310Z] \"POST /api/v1/locations HTTP/1.1\" 204 - 154 0 226 100 \"10.0.35.28\" \"nsq2http\" \"cc21d9b0\" "
            + "\"locations\" \"10.0.2.1:80\"\n");
    }

    [Fact]
    public void What_a_request_does_not_have_shows_as_a_dash()
    {
        var request = new FinishedRequest { ResponseCode = 0, Upstream = null, Duration = null, ResponseFlags = ResponseFlags.DownstreamProtocolError };

        Format(AccessLogFormat.Default, request).Should().Be(
            "[2016-04-15T20:17:00.310Z] \"- - HTTP/1.1\" 0 DPE 154 12 - - \"-\" \"-\" \"-\" \"-\" \"-\"\n");
    }

    [Theory]
    [InlineData("%PROTOCOL%", "HTTP/1.1")]
    [InlineData("100%%", "100%")]
    [InlineData("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%", "200 via_upstream")]
    [InlineData("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "UF,URX UpstreamConnectionFailure,UpstreamRetryLimitExceeded")]
    [InlineData("%BYTES_RECEIVED%/%BYTES_SENT%", "154/12")]
    [InlineData("%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %REQUEST_TX_DURATION%", "226 1 100 126 -")]
    [InlineData("%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS%", "10.0.2.1:80 web 10.0.0.9:40000")]
    [InlineData("%UPSTREAM_TRANSPORT_FAILURE_REASON%%CONNECTION_TERMINATION_DETAILS%%REQUESTED_SERVER_NAME%", "---")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS%", "[2001:db8::1]:5555")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8::1")]
    [InlineData("%DOWNSTREAM_REMOTE_PORT%", "5555")]
    [InlineData("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "127.0.0.1")]
    [InlineData("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%", "127.0.0.1:8080 8080")]
    [InlineData("%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %CONNECTION_ID% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %STREAM_ID%", "r1 - 7 0 -")]
    [InlineData("%REQ(:PATH)%", "/a?b=c")]
    [InlineData("%REQ_WITHOUT_QUERY(:PATH)%", "/a")]
    [InlineData("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "/a?b=c")]
    [InlineData("%REQ(X-Long):4%|%REQ(X-None?X-Long):2%|%REQ(X-Long):99%", "abcd|ab|abcdef")]
    [InlineData("%RESP(Server)%", "kpn")]
    [InlineData("%TRAILER(grpc-status)%", "-")]
    public void Operators_show_what_they_name(string format, string expected)
    {
        var request = FinishedRequest.Get("/a?b=c").With("x-long", "abcdef");
        request.ResponseFlags = ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamRetryLimitExceeded;
        request.ResponseHeaders["server"] = "kpn"u8.ToArray();

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
    public void Start_time_takes_strftime_patterns(string format, string expected) =>
        Format(AccessLogFormat.Parse(format), new FinishedRequest()).Should().Be(expected);

    [Fact]
    public void Start_time_is_shown_in_utc() =>
        Format(AccessLogFormat.Parse("%START_TIME(%T)%"), new FinishedRequest { StartTime = new(2020, 1, 1, 1, 0, 0, TimeSpan.FromHours(2)) })
            .Should().Be("23:00:00");

    [Fact]
    public void White_space_in_details_becomes_underscores_unless_allowed()
    {
        var request = new FinishedRequest { Details = "a b\tc" };

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
            var request = new FinishedRequest();
            request.RequestHeaders["x"] = value;
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
            {"code":"%RESPONSE_CODE%","flags":"%RESPONSE_FLAGS%","ms":"%DURATION%","tx":"%REQUEST_TX_DURATION%","none":"%REQ(X-NONE)%",
             "mixed":"%RESPONSE_CODE% %REQ(X-NONE)%","req":{"path":"%REQ(:PATH)%","empty":{}},"list":["%PROTOCOL%","%REQ(X-NONE)%",1],
             "fixed":"a\"b","on":true,"nothing":null}
            """);

        Format(format, FinishedRequest.Get("/x")).Should().Be(
            """{"code":200,"flags":"-","ms":226,"tx":null,"none":null,"mixed":"200 -","req":{"path":"/x","empty":{}},"list":"""
            + """["HTTP/1.1",null,1],"fixed":"a\u0022b","on":true,"nothing":null}""" + "\n");
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
    public void Formatting_allocates_nothing()
    {
        var request = FinishedRequest.Get("/");
        var json = Json("""{"code":"%RESPONSE_CODE%","at":"%START_TIME%","flags":"%RESPONSE_FLAGS%","to":"%UPSTREAM_HOST%"}""");
        var text = AccessLogFormat.Parse("%START_TIME% %RESPONSE_CODE% %RESPONSE_FLAGS% %DURATION% %UPSTREAM_HOST% %DOWNSTREAM_LOCAL_PORT%\n");
        var buffer = new byte[4096];
        FormatBoth(2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        FormatBoth(1000);

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);

        void FormatBoth(int times)
        {
            for (var i = 0; i < times; i++)
            {
                json.TryFormat(request, buffer, out _);
                text.TryFormat(request, buffer, out _);
            }
        }
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
