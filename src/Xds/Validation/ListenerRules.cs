using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on listeners and their filters. Source: Envoy's listener.proto and what its listener manager refuses.</summary>
internal static class ListenerRules
{
    public static void Check(Listener listener, ConfigPath path, ConfigProblems problems)
    {
        AddressRules.CheckIsIp(listener.Address, path.Field("address"), problems);
        AddressRules.CheckIsTcp(listener.Address, path.Field("address"), problems);
        for (var i = 0; i < listener.AdditionalAddresses.Count; i++)
        {
            AddressRules.CheckIsIp(listener.AdditionalAddresses[i].Address, path.Field("additional_addresses").Index(i).Field("address"), problems);
        }

        if (listener.FilterChains.Count == 0 && listener.DefaultFilterChain is null)
        {
            problems.Invalid(path.Field("filter_chains"), "a listener needs a filter chain", "add a filter chain with an HTTP connection manager");
        }

        var matches = new Dictionary<FilterChainMatch, int>();
        for (var i = 0; i < listener.FilterChains.Count; i++)
        {
            if (!matches.TryAdd(listener.FilterChains[i].FilterChainMatch ?? new FilterChainMatch(), i))
            {
                var other = matches[listener.FilterChains[i].FilterChainMatch ?? new FilterChainMatch()];
                problems.Invalid(path.Field("filter_chains").Index(i).Field("filter_chain_match"), $"is the same as that of filter_chains[{other}]", "give each filter chain its own match");
            }
        }
    }

    public static void Check(FilterChain chain, ConfigPath path, ConfigProblems problems)
    {
        if (chain.Filters.Count == 0)
        {
            problems.Invalid(path.Field("filters"), "a filter chain without filters closes every connection", "add an HTTP connection manager");
        }

        for (var i = 0; i + 1 < chain.Filters.Count; i++)
        {
            if (chain.Filters[i].TypedConfig?.Is(HttpConnectionManager.Descriptor) == true)
            {
                problems.Invalid(path.Field("filters").Index(i), "an HTTP connection manager ends the chain, but a filter follows", "make it the last filter");
            }
            else if (chain.Filters[i].TypedConfig?.Is(TcpProxy.Descriptor) == true)
            {
                problems.Invalid(path.Field("filters").Index(i), "a TCP proxy ends the chain, but a filter follows", "make it the last filter");
            }
        }
    }

    public static void Check(HttpConnectionManager manager, ConfigPath path, ConfigProblems problems)
    {
        var last = manager.HttpFilters.Count - 1;
        for (var i = 0; i <= last; i++)
        {
            if (manager.HttpFilters[i].TypedConfig is { } config && config.Is(Router.Descriptor) != (i == last))
            {
                problems.Invalid(path.Field("http_filters").Index(i), i == last ? "the last HTTP filter must be the router" : "the router must be the last HTTP filter", "put envoy.filters.http.router at the end");
            }
        }

        if (manager.StripMatchingHostPort && manager.StripPortModeCase == HttpConnectionManager.StripPortModeOneofCase.StripAnyHostPort && manager.StripAnyHostPort)
        {
            problems.Invalid(path.Field("strip_any_host_port"), "excludes strip_matching_host_port, which is set too", "keep one of the two");
        }
    }
}
