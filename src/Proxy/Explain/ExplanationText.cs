using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>An explanation for people.</summary>
public static class ExplanationText
{
    /// <summary>Several lines, each ended.</summary>
    public static string Of(Explanation explanation)
    {
        ArgumentNullException.ThrowIfNull(explanation);
        var text = new StringBuilder();
        if (explanation.Listener.Length > 0)
        {
            var address = explanation.Address.Length > 0 ? $" ({explanation.Address})" : "";
            var chain = explanation.FilterChain.Length > 0 ? $", filter chain {explanation.FilterChain}" : "";
            var routes = explanation.RouteConfiguration.Length > 0 ? $", route configuration {explanation.RouteConfiguration}" : "";
            Line(text, $"listener   {explanation.Listener}{address}{chain}{routes}");
        }

        if (explanation.AsMatched.Length > 0)
        {
            Line(text, $"request    {explanation.AsMatched}");
        }

        foreach (var step in explanation.Steps)
        {
            Line(text, $"           {step}");
        }

        if (explanation.Error.Length > 0)
        {
            Line(text, $"error      {explanation.Error}");
        }

        if (explanation.Answer is { } answer)
        {
            Line(text, $"answer     {answer.Status} ({answer.Details}){(answer.Location.Length > 0 ? $", location {answer.Location}" : "")}");
        }

        if (explanation.Forward is { } forward)
        {
            Write(text, forward);
        }

        return text.ToString();
    }

    private static void Write(StringBuilder text, ExplainedForward forward)
    {
        Line(text, $"upstream   {forward.Host}{forward.Target}");
        foreach (var line in forward.Headers)
        {
            Line(text, $"           {line}");
        }

        Line(text, $"timeout    {Time(forward.TimeoutMs)}");
        if (forward.MaxDurationMs > 0)
        {
            Line(text, $"duration   {Time(forward.MaxDurationMs)} at most");
        }

        if (forward.GrpcTimeoutMs is { } call)
        {
            Line(text, $"           grpc-timeout {(call < 0 ? "taken out" : Time(call))}");
        }

        if (forward.Retry is { } retry)
        {
            Line(text, $"retry      on {retry.On}, {retry.Retries} times, {Time(retry.PerTryTimeoutMs)} an attempt, {Time(retry.PerTryIdleTimeoutMs)} without a byte");
            Retry(text, retry);
        }

        if (forward.InternalRedirectCodes.Count > 0)
        {
            Line(text, $"redirects  {string.Join(", ", forward.InternalRedirectCodes)} of the upstream are followed here, at most {forward.MaxInternalRedirects} of them");
        }

        foreach (var mirror in forward.Mirrors)
        {
            var fate = mirror.Exists ? $"{mirror.Percent:0.##} % of requests" : "no such cluster: nothing is copied";
            Line(text, $"mirror     {(mirror.Name.Length > 0 ? mirror.Name : "(no header names it)")}, {fate}");
        }

        foreach (var cluster in forward.Clusters)
        {
            Line(text, $"cluster    {cluster.Name}, {cluster.Percent:0.##} % of requests");
            if (!cluster.Exists)
            {
                Line(text, $"           there is no such cluster: answered with {cluster.NotFoundStatus}");
                continue;
            }

            Line(text, $"           {cluster.Policy}; {cluster.ActiveRequests} of {cluster.MaxRequests} requests of {forward.Priority} priority under way");
            if (cluster.Connections is { } connections)
            {
                Line(text, $"           {connections.ToText()}");
                if (connections.Http2 is { } http2)
                {
                    Line(text, $"           {http2.ToText()}");
                }
            }

            if (cluster.MaintenancePercent > 0)
            {
                Line(text, $"           in maintenance mode: {Math.Min(cluster.MaintenancePercent, 100):0.##} % of them are answered with 503");
            }

            foreach (var endpoint in cluster.Endpoints)
            {
                var locality = endpoint.Locality.Length > 0 ? $", {endpoint.Locality}" : "";
                Line(text, $"           {(endpoint.IsCandidate ? '+' : '-')} {endpoint.Address} {endpoint.Health}, weight {endpoint.Weight}, priority {endpoint.Priority}{locality}, {endpoint.ActiveRequests} active");
            }

            if (!cluster.Endpoints.Any(static endpoint => endpoint.IsCandidate))
            {
                Line(text, $"           no endpoint can be chosen: answered with 503 (no_healthy_upstream)");
            }
        }
    }

    private static void Retry(StringBuilder text, ExplainedRetry retry)
    {
        if (retry.RetriableHeaders.Count > 0)
        {
            Line(text, $"           where a response has {string.Join(" or ", retry.RetriableHeaders)}");
        }

        if (retry.RetriableRequestHeaders.Count > 0)
        {
            Line(text, $"           only requests with {string.Join(" or ", retry.RetriableRequestHeaders)}");
        }

        if (retry.HostPredicates.Count > 0)
        {
            Line(text, $"           to hosts by {string.Join(", ", retry.HostPredicates)}, {retry.HostSelectionAttempts} times");
        }

        if (retry.PriorityUpdateFrequency > 0)
        {
            Line(text, $"           previous priorities are left out every {retry.PriorityUpdateFrequency} attempts");
        }

        if (retry.HedgesOnPerTryTimeout)
        {
            Line(text, $"           an attempt that takes longer goes on beside the next one");
        }
    }

    private static string Time(long milliseconds) => milliseconds == 0 ? "no limit" : string.Create(CultureInfo.InvariantCulture, $"{milliseconds} ms");

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
