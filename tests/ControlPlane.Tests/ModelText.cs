using System.Text;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>Writes a model and diagnostics as a text that a person can check.</summary>
internal static class ModelText
{
    public static string Write(TrafficModel model, IReadOnlyList<Diagnostic> diagnostics)
    {
        var text = new StringBuilder();
        foreach (var listener in model.Listeners)
        {
            text.Append($"listener {listener.Name} on {listener.Address}:{listener.Port} routes by {listener.RouteTable}\n");
            foreach (var chain in listener.Tls?.Chains ?? default)
            {
                text.Append($"  certificate {chain.Certificate} for {string.Join(", ", (IReadOnlyList<HostMatch>)chain.Hosts)}\n");
            }

            if (listener.Tls is { } tls)
            {
                text.Append($"  certificate {tls.DefaultCertificate ?? "(none, refused)"} for other hosts\n");
            }
        }

        foreach (var table in model.RouteTables)
        {
            text.Append($"\nroute table {table.Name}\n");
            foreach (var host in table.VirtualHosts)
            {
                text.Append($"  host {host.Host}\n");
                foreach (var rule in host.Rules)
                {
                    text.Append($"    {rule.Path} -> {Describe(rule.Action)}   (Ingress {rule.Name})\n");
                }
            }
        }

        text.Append("\nbackends\n");
        foreach (var backend in model.Backends)
        {
            var endpoints = string.Join(", ", backend.Endpoints.Select(endpoint => endpoint.Address.Contains(':') ? $"[{endpoint.Address}]:{endpoint.Port}" : $"{endpoint.Address}:{endpoint.Port}"));
            text.Append($"  {backend.Key}: {(endpoints.Length == 0 ? "(none)" : endpoints)}\n");
        }

        text.Append("\ndiagnostics\n");
        foreach (var diagnostic in diagnostics)
        {
            text.Append($"  {diagnostic.Reason}: {diagnostic}\n");
        }

        return text.ToString();
    }

    private static string Describe(RouteAction action) => action switch
    {
        ForwardTo forward => forward.Backend.Name,
        RedirectToHttps redirect => $"redirects to https://{redirect.Host ?? "(same host)"}{(redirect.Port is { } port ? $":{port}" : "")}",
        Respond respond => $"answers {respond.Status}",
        _ => action.ToString(),
    };
}
