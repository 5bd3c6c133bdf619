using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Route.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns retry policies into records.</summary>
internal static class RetryPolicyTranslator
{
    /// <summary>Each of them is another pick.</summary>
    private const long MaxHostSelections = 100;

    /// <summary>A retry policy; null for none.</summary>
    public static RetryPolicy? Translate(Proto.RetryPolicy? message, TranslationProblems problems, ConfigPath path)
    {
        if (message is null)
        {
            return null;
        }

        var policy = new RetryPolicy
        {
            RetryOn = Parse(message.RetryOn, problems, path.Field("retry_on")),
            NumRetries = (int)Math.Min(message.NumRetries ?? 1, int.MaxValue),
            PerTryTimeout = message.PerTryTimeout?.ToTimeSpan(),
            PerTryIdleTimeout = message.PerTryIdleTimeout?.ToTimeSpan(),
            RetriableStatusCodes = [.. message.RetriableStatusCodes.Select(static code => (int)Math.Min(code, int.MaxValue))],
            RateLimited = message.RateLimitedRetryBackOff is { } limited ? RateLimited(limited, problems, path.Field("rate_limited_retry_back_off")) : null,
            PriorityUpdateFrequency = RetryPluginTranslator.PriorityUpdateFrequency(message.RetryPriority, problems, path.Field("retry_priority")),
            RetriableHeaders = Matchers(message.RetriableHeaders, problems, path.Field("retriable_headers")),
            RetriableRequestHeaders = Matchers(message.RetriableRequestHeaders, problems, path.Field("retriable_request_headers")),
            HostSelectionAttempts = message.HostSelectionRetryMaxAttempts > 0 ? (int)Math.Min(message.HostSelectionRetryMaxAttempts, MaxHostSelections) : 1,
        };
        policy = RetryPluginTranslator.HostPredicates(policy, message.RetryHostPredicate, problems, path.Field("retry_host_predicate"));
        if (message.RetryBackOff is { BaseInterval: null })
        {
            problems.Add(path.Field("retry_back_off").Field("base_interval"), "is missing", "write a duration such as 25ms");
        }
        else if (message.RetryBackOff is { MaxInterval: { } longest, BaseInterval: { } shortest } && longest.ToTimeSpan() < shortest.ToTimeSpan())
        {
            problems.Add(path.Field("retry_back_off").Field("max_interval"), "is shorter than base_interval", "write a longer one");
        }

        return message.RetryBackOff is not { } backOff
            ? policy
            : policy with
            {
                // As in Envoy, intervals below a millisecond become one.
                BackOffBase = backOff.BaseInterval is { } least ? AtLeastOneMillisecond(least.ToTimeSpan()) : null,
                BackOffMax = backOff.MaxInterval is { } max ? AtLeastOneMillisecond(max.ToTimeSpan()) : null,
            };
    }

    private static RateLimitedBackOff RateLimited(Proto.RetryPolicy.Types.RateLimitedRetryBackOff message, TranslationProblems problems, ConfigPath path)
    {
        if (message.ResetHeaders.Count == 0)
        {
            problems.Add(path.Field("reset_headers"), "is empty", "name a response header such as retry-after");
        }

        return new RateLimitedBackOff(
            [.. message.ResetHeaders.Select(static header => new ResetHeader(header.Name, header.Format == Proto.RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp))],
            message.MaxInterval?.ToTimeSpan());
    }

    private static ImmutableArray<HeaderMatcher> Matchers(IReadOnlyList<Proto.HeaderMatcher> messages, TranslationProblems problems, ConfigPath path) =>
        [.. messages.Select((message, i) => MatcherTranslator.Header(message, problems, path.Index(i)))];

    private static RetryOn Parse(string text, TranslationProblems problems, ConfigPath path)
    {
        var result = RetryOn.None;
        foreach (var name in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (RetryOnNames.Find(Encoding.UTF8.GetBytes(name)) is var condition and not RetryOn.None)
            {
                result |= condition;
            }
            else if (int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out _))
            {
                problems.Add(path, $"\"{name}\" is a status code, not a condition", "use retriable-status-codes and list the code in retriable_status_codes");
            }
            else
            {
                problems.Add(new ConfigProblem(ConfigProblemKind.NotActedOn, path, $"\"{name}\" is not a condition known here", "remove it or correct its spelling"));
            }
        }

        return result;
    }

    private static TimeSpan AtLeastOneMillisecond(TimeSpan interval) => interval < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : interval;
}
