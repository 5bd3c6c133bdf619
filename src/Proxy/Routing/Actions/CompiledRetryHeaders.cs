using System.Collections.Immutable;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>The header matchers of a retry policy, ready for traffic.</summary>
internal sealed class CompiledRetryHeaders
{
    private readonly CompiledHeaderMatcher[] _request;
    private readonly CompiledHeaderMatcher[] _response;

    private CompiledRetryHeaders(CompiledHeaderMatcher[] request, CompiledHeaderMatcher[] response)
    {
        _request = request;
        _response = response;
    }

    /// <summary>Compiles what a policy has of them; null for none.</summary>
    public static CompiledRetryHeaders? Compile(RetryPolicy? policy, string path, CompilationScope scope) =>
        policy is null || (policy.RetriableRequestHeaders.IsEmpty && policy.RetriableHeaders.IsEmpty)
            ? null
            : new CompiledRetryHeaders(
                Compile(policy.RetriableRequestHeaders, $"{path}.retriable_request_headers", scope), Compile(policy.RetriableHeaders, $"{path}.retriable_headers", scope));

    /// <summary>True where a request like this may be sent again.</summary>
    public bool Covers(RequestHead request) => _request.Length == 0 || HasMatch(_request, request);

    /// <summary>True where a response like this is to be asked for again.</summary>
    public bool Covers(ResponseHead response) => HasMatch(_response, response);

    private static CompiledHeaderMatcher[] Compile(ImmutableArray<HeaderMatcher> matchers, string path, CompilationScope scope) =>
        [.. matchers.Select((matcher, i) => new CompiledHeaderMatcher(matcher, $"{path}[{i}]", scope))];

    private static bool HasMatch(CompiledHeaderMatcher[] matchers, MessageHead head)
    {
        foreach (var matcher in matchers)
        {
            if (matcher.IsMatch(head))
            {
                return true;
            }
        }

        return false;
    }
}
