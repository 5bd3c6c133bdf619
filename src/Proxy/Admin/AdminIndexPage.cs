using System.Buffers;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>The page at <c>/</c>: a table of links and buttons, no script, nothing from elsewhere.</summary>
internal static class AdminIndexPage
{
    private const string Style =
        "body{font-family:system-ui,sans-serif;margin:2em auto;max-width:50em;padding:0 1em}td,th{text-align:left;padding:.3em 1em .3em 0}"
        + "button{font:inherit;cursor:pointer}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}";

    /// <summary>Allows this page's own style by its hash and its own forms; no script, no frame, no other origin.</summary>
    internal static readonly string ContentSecurityPolicy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    internal static void Write(IEnumerable<AdminEndpoint> endpoints, IBufferWriter<byte> output)
    {
        var html = new StringBuilder("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>KubeProxyNet admin</title><style>")
            .Append(Style)
            .Append("</style></head><body><h1>KubeProxyNet admin</h1><table><tr><th scope=\"col\">Command</th><th scope=\"col\">What it does</th></tr>\n");
        foreach (var endpoint in endpoints)
        {
            var path = WebUtility.HtmlEncode(endpoint.Path);
            var command = endpoint.Changes
                ? $"<form method=\"post\" action=\"{path}\"><button>{path}</button></form>"
                : $"<a href=\"{path}\">{path}</a>";
            html.Append($"<tr><td>{command}</td><td>{WebUtility.HtmlEncode(endpoint.Description)}</td></tr>\n");
        }

        html.Append("</table></body></html>\n");
        Encoding.UTF8.GetBytes(html.ToString(), output);
    }
}
