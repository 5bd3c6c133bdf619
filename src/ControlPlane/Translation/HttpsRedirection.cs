using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Makes the rules of plain HTTP for hosts that are served over TLS: clients are redirected, unless the rule's Ingress says that they shall not be, or
/// the rule answers challenges of certificate authorities, which come over plain HTTP (RFC 8555, section 8.3).
/// </summary>
/// <param name="port">The port that clients reach HTTPS on.</param>
/// <param name="diagnostics">Hears of annotations that say nothing.</param>
internal sealed class HttpsRedirection(int port, ImmutableArray<Diagnostic>.Builder diagnostics)
{
    private const int HttpsPort = 443;
    private const string ChallengePath = "/.well-known/acme-challenge";

    private readonly HashSet<string> _plain = new(StringComparer.Ordinal);

    /// <summary>Notes whether an Ingress wants its clients redirected, which it does unless its annotation says otherwise.</summary>
    public void Take(Ingress ingress)
    {
        switch (ingress.Metadata.Annotation(Ingress.RedirectAnnotation))
        {
            case null or "true":
                break;
            case "false":
                _plain.Add(ingress.Name.ToString());
                break;
            default:
                diagnostics.Add(new Diagnostic(
                    DiagnosticSeverity.Warning,
                    DiagnosticReason.InvalidField,
                    "is neither \"true\" nor \"false\", so it counts as \"true\"",
                    "write \"false\" to serve plain HTTP too",
                    ingress.Metadata.Location,
                    ingress.Key,
                    $"metadata.annotations[{Ingress.RedirectAnnotation}]"));
                break;
        }
    }

    /// <summary>The virtual host as plain HTTP serves it.</summary>
    public VirtualHost Apply(VirtualHost host)
    {
        var redirect = new RedirectToHttps(
            host.Host.Kind == HostMatchKind.Exact ? host.Host.Name : null,

            // A port in the client's authority would stay in the URL, so the right one replaces it, unless the authority is replaced as a whole.
            port == HttpsPort && host.Host.Kind == HostMatchKind.Exact ? null : port);
        var rules = ((IReadOnlyList<RouteRule>)host.Rules).Select(rule => IsPlain(rule) ? rule : rule with { Action = redirect }).ToList();
        if (!rules.Exists(static rule => rule.Action is not RedirectToHttps))
        {
            var name = rules.Count > 0 ? rules[^1].Name : "redirect";
            rules = [new RouteRule(name, PathMatch.All, redirect, RoutePolicy.Default)];
        }

        return host with { Rules = rules.ToValueList() };
    }

    private bool IsPlain(RouteRule rule) =>
        _plain.Contains(rule.Name)
        || (rule.Path.Value.StartsWith(ChallengePath, StringComparison.Ordinal) && (rule.Path.Value.Length == ChallengePath.Length || rule.Path.Value[ChallengePath.Length] == '/'));
}
