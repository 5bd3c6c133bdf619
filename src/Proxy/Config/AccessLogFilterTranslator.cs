using Envoy.Config.Accesslog.V3;
using Envoy.Data.Accesslog.V3;
using Google.Protobuf.Collections;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime.LogFilters;
using KubeProxyNet.Xds.Validation;
using AccessLogFilter = KubeProxyNet.Proxy.Runtime.LogFilters.AccessLogFilter;
using DurationFilter = KubeProxyNet.Proxy.Runtime.LogFilters.DurationFilter;
using GrpcStatusFilter = KubeProxyNet.Proxy.Runtime.LogFilters.GrpcStatusFilter;
using HeaderFilter = KubeProxyNet.Proxy.Runtime.LogFilters.HeaderFilter;
using Message = Envoy.Config.Accesslog.V3.AccessLogFilter;
using ResponseFlagFilter = KubeProxyNet.Proxy.Runtime.LogFilters.ResponseFlagFilter;
using RuntimeFilter = KubeProxyNet.Proxy.Runtime.LogFilters.RuntimeFilter;
using StatusCodeFilter = KubeProxyNet.Proxy.Runtime.LogFilters.StatusCodeFilter;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the filters of access logs into decisions.</summary>
internal static class AccessLogFilterTranslator
{
    /// <summary>How deep filters may stand in each other: they are asked one inside the other.</summary>
    private const int MaxDepth = 16;

    /// <summary>The filter; null where it cannot be used, which <paramref name="problems"/> then tells.</summary>
    public static AccessLogFilter? Translate(Message message, TranslationProblems problems, ConfigPath path) => One(message, problems, path, MaxDepth);

    private static AccessLogFilter? One(Message message, TranslationProblems problems, ConfigPath path, int depth)
    {
        switch (message.FilterSpecifierCase)
        {
            case Message.FilterSpecifierOneofCase.StatusCodeFilter:
                return new StatusCodeFilter(ComparisonOf(message.StatusCodeFilter.Comparison));
            case Message.FilterSpecifierOneofCase.DurationFilter:
                return new DurationFilter(ComparisonOf(message.DurationFilter.Comparison));
            case Message.FilterSpecifierOneofCase.NotHealthCheckFilter:
                return new FixedFilter(records: true);
            case Message.FilterSpecifierOneofCase.RuntimeFilter:
                return new RuntimeFilter(FractionOf(message.RuntimeFilter), message.RuntimeFilter.UseIndependentRandomness);
            case Message.FilterSpecifierOneofCase.AndFilter:
                return Parts(message.AndFilter.Filters, problems, path.Field("and_filter"), depth) is { } all ? new AllFilter(all) : null;
            case Message.FilterSpecifierOneofCase.OrFilter:
                return Parts(message.OrFilter.Filters, problems, path.Field("or_filter"), depth) is { } any ? new AnyFilter(any) : null;
            case Message.FilterSpecifierOneofCase.HeaderFilter:
                return Header(message.HeaderFilter, problems, path.Field("header_filter").Field("header"));
            case Message.FilterSpecifierOneofCase.ResponseFlagFilter:
                return Flags(message.ResponseFlagFilter, problems, path.Field("response_flag_filter").Field("flags"));
            case Message.FilterSpecifierOneofCase.GrpcStatusFilter:
                return new GrpcStatusFilter(message.GrpcStatusFilter.Statuses.Aggregate(0u, static (bits, status) => bits | (1u << ((int)status & 31))), message.GrpcStatusFilter.Exclude);
            case Message.FilterSpecifierOneofCase.LogTypeFilter:
                // Every record is made when the exchange has ended.
                return new FixedFilter(message.LogTypeFilter.Types_.Contains(AccessLogType.DownstreamEnd) != message.LogTypeFilter.Exclude);
            case Message.FilterSpecifierOneofCase.TraceableFilter:
                problems.Add(path.Field("traceable_filter"), "there is no tracing, so nothing would be recorded", "remove the filter");
                return null;
            default:
                problems.Add(
                    path,
                    "is no filter that is supported",
                    "use status_code_filter, duration_filter, not_health_check_filter, runtime_filter, and_filter, or_filter, header_filter, response_flag_filter, grpc_status_filter or log_type_filter");
                return null;
        }
    }

    private static AccessLogFilter[]? Parts(RepeatedField<Message> messages, TranslationProblems problems, ConfigPath path, int depth)
    {
        path = path.Field("filters");
        if (depth == 0)
        {
            problems.Add(path, $"filters stand more than {MaxDepth} deep in each other", "join the and_filter and or_filter that need no filter of their own");
            return null;
        }

        var parts = new List<AccessLogFilter>();
        for (var i = 0; i < messages.Count; i++)
        {
            if (One(messages[i], problems, path.Index(i), depth - 1) is { } part)
            {
                parts.Add(part);
            }
        }

        return parts.Count == messages.Count ? [.. parts] : null;
    }

    private static Comparison ComparisonOf(ComparisonFilter? message) => new(
        message?.Op switch
        {
            ComparisonFilter.Types.Op.Ge => ComparisonOperation.AtLeast,
            ComparisonFilter.Types.Op.Le => ComparisonOperation.AtMost,
            ComparisonFilter.Types.Op.Ne => ComparisonOperation.NotEqual,
            _ => ComparisonOperation.Equal,
        },
        message?.Value?.DefaultValue ?? 0,
        message?.Value?.RuntimeKey ?? "");

    private static RuntimeFraction FractionOf(Envoy.Config.Accesslog.V3.RuntimeFilter message) =>
        MatcherTranslator.Fraction(new Envoy.Config.Core.V3.RuntimeFractionalPercent { DefaultValue = message.PercentSampled, RuntimeKey = message.RuntimeKey })!;

    private static HeaderFilter? Header(Envoy.Config.Accesslog.V3.HeaderFilter message, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var filter = HeaderFilter.Compile(
            MatcherTranslator.Header(message.Header ?? new(), problems, path), path.ToString(), Re2Syntax.Read, out var errors);
        foreach (var error in errors)
        {
            problems.Add(path, error.Message, error.Remedy);
        }

        return problems.Found.Count > before ? null : filter;
    }

    private static ResponseFlagFilter? Flags(Envoy.Config.Accesslog.V3.ResponseFlagFilter message, TranslationProblems problems, ConfigPath path)
    {
        var flags = ResponseFlags.None;
        for (var i = 0; i < message.Flags.Count; i++)
        {
            if (!ResponseFlagNames.TryParse(message.Flags[i], out var flag))
            {
                problems.Add(path.Index(i), $"\"{message.Flags[i]}\" is no response flag", $"use some of {string.Join(", ", ResponseFlagNames.ShortNames)}");
                return null;
            }

            flags |= flag;
        }

        return new ResponseFlagFilter(flags);
    }
}
