using System.Text.RegularExpressions;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.ControlPlane.Model;
using VirtualHost = KubeProxyNet.ControlPlane.Model.VirtualHost;
using XdsRouteAction = Envoy.Config.Route.V3.RouteAction;
using XdsVirtualHost = Envoy.Config.Route.V3.VirtualHost;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>
/// Route tables of the model as <c>envoy.config.route.v3.RouteConfiguration</c>. The one place where the two differ is the wildcard host: the model's
/// stands for one label, Envoy's <c>*.example.com</c> for any number. The routes of a wildcard host therefore look at the authority as well, and
/// requests with more labels get the routes of the host <c>*</c>, which they would have had without the wildcard.
/// </summary>
internal static class RouteEmission
{
    public static RouteConfiguration Emit(RouteTable table)
    {
        var message = new RouteConfiguration { Name = table.Name, IgnorePortInHostMatching = true };
        var everyHost = table.VirtualHosts.FirstOrDefault(host => host.Host.Kind == HostMatchKind.Any);
        foreach (var host in table.VirtualHosts)
        {
            var virtualHost = new XdsVirtualHost { Name = host.Host.ToString(), Domains = { host.Host.ToString() } };
            if (host.Host.Kind == HostMatchKind.OneLabelWildcard)
            {
                AddRoutes(virtualHost, host, OneLabelBefore(host.Host.Name, isOneLabel: true));
                if (everyHost is not null)
                {
                    AddRoutes(virtualHost, everyHost, OneLabelBefore(host.Host.Name, isOneLabel: false));
                }
            }
            else
            {
                AddRoutes(virtualHost, host, authority: null);
            }

            message.VirtualHosts.Add(virtualHost);
        }

        return message;
    }

    private static void AddRoutes(XdsVirtualHost virtualHost, VirtualHost source, HeaderMatcher? authority)
    {
        foreach (var rule in source.Rules)
        {
            var route = new Route { Name = rule.Name, Match = Match(rule.Path) };
            if (authority is not null)
            {
                route.Match.Headers.Add(authority);
            }

            switch (rule.Action)
            {
                case ForwardTo forward:
                    route.Route_ = Forward(forward, rule.Policy);
                    break;
                case RedirectToHttps redirect:
                    route.Redirect = Redirect(redirect);
                    break;
                case Respond respond:
                    route.DirectResponse = Answer(respond);
                    break;
                default:
                    throw new InvalidOperationException($"no emission for the action {rule.Action}");
            }

            virtualHost.Routes.Add(route);
        }
    }

    private static RouteMatch Match(PathMatch path) => path switch
    {
        { Kind: PathMatchKind.Exact } => new RouteMatch { Path = path.Value },
        // Envoy refuses a slash at the end of path_separated_prefix, and this one is nothing else.
        { Value: "/" } => new RouteMatch { Prefix = "/" },
        _ => new RouteMatch { PathSeparatedPrefix = path.Value },
    };

    private static XdsRouteAction Forward(ForwardTo forward, RoutePolicy policy) => new()
    {
        Cluster = forward.Backend.Name,
        // Zero switches Envoy's default of 15 s off.
        Timeout = Duration.FromTimeSpan(policy.RequestTimeout ?? TimeSpan.Zero),
    };

    private static RedirectAction Redirect(RedirectToHttps redirect) => new()
    {
        HttpsRedirect = true,
        HostRedirect = redirect.Host ?? "",
        PortRedirect = (uint)(redirect.Port ?? 0),
        ResponseCode = RedirectAction.Types.RedirectResponseCode.PermanentRedirect,
    };

    private static DirectResponseAction Answer(Respond respond)
    {
        var action = new DirectResponseAction { Status = (uint)respond.Status };
        if (respond.Body.Length > 0)
        {
            action.Body = new DataSource { InlineString = respond.Body };
        }

        return action;
    }

    private static HeaderMatcher OneLabelBefore(string suffix, bool isOneLabel) => new()
    {
        Name = ":authority",
        // The domain has matched already, letter case aside, so what is left to see is that no dot stands in the first part.
        StringMatch = new StringMatcher { SafeRegex = new RegexMatcher { Regex = $@"(?i)[^.]+\.{Regex.Escape(suffix)}(:[0-9]+)?" } },
        InvertMatch = !isOneLabel,
    };
}
