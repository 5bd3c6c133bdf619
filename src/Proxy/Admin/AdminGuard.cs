using System.Net;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>
/// Keeps web pages that an operator has open away from the admin page: a browser is no client of it but for its own index page. A page can
/// send a POST to a loopback address (cross-site request forgery), and can read from it under a name that it lets resolve to loopback (DNS
/// rebinding).
/// </summary>
internal sealed class AdminGuard
{
    private readonly bool _isLoopback;

    private AdminGuard(bool isLoopback) => _isLoopback = isLoopback;

    internal static AdminGuard For(IPEndPoint address) => new(IPAddress.IsLoopback(address.Address));

    /// <summary>The answer to a request that is not let through; null lets it through.</summary>
    internal AdminReply? Refuse(HttpRequest request)
    {
        // On other addresses probes and scrapers come under names that we cannot know.
        if (_isLoopback && request.Host.HasValue && !IsLocalName(request.Host.Host))
        {
            return AdminReply.Text($"the host name {request.Host.Host} is not that of a local page; use localhost or an address\n", 403);
        }

        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var origin = request.Headers.Origin.ToString();
        var isForeign = site is "cross-site" or "same-site"
            || (origin.Length > 0 && !string.Equals(origin, $"http://{request.Host.Value}", StringComparison.OrdinalIgnoreCase));
        return isForeign && !HttpMethods.IsGet(request.Method) ? AdminReply.Text("not from another web page\n", 403) : null;
    }

    private static bool IsLocalName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(host.Trim('[', ']'), out _);
}
