using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>One page: its path, what it shows or does, and whether it changes something and so needs a POST.</summary>
internal sealed record AdminEndpoint(string Path, string Description, bool Changes, Func<IQueryCollection, AdminReply> Handle);

/// <summary>All pages by path; everything else is answered with what there is.</summary>
internal sealed class AdminEndpoints
{
    private readonly Dictionary<string, AdminEndpoint> _byPath = new(StringComparer.Ordinal);

    internal AdminEndpoints(IEnumerable<AdminEndpoint> endpoints)
    {
        foreach (var endpoint in endpoints)
        {
            _byPath.Add(endpoint.Path, endpoint);
        }

        Add("/", "this page", _ => new AdminReply(200, "text/html; charset=utf-8", output => AdminIndexPage.Write(All, output)));
        Add("/help", "this list as text", _ => AdminReply.Text("admin commands are:\n" + List()));
    }

    internal IEnumerable<AdminEndpoint> All => _byPath.Values.OrderBy(static endpoint => endpoint.Path, StringComparer.Ordinal);

    internal AdminReply Answer(string method, string path, IQueryCollection query)
    {
        if (!_byPath.TryGetValue(path.Length > 1 ? path.TrimEnd('/') : path, out var endpoint))
        {
            return AdminReply.Text($"there is no page {path}; admin commands are:\n{List()}", 404);
        }

        if (endpoint.Changes ? method != "POST" : method is not ("GET" or "HEAD"))
        {
            var allowed = endpoint.Changes ? "POST" : "GET, HEAD";
            var reply = AdminReply.Text($"{path} takes {allowed}; try: curl {(endpoint.Changes ? "-X POST " : "")}http://ADMIN{path}\n", 405);
            return reply with { Header = ("Allow", allowed) };
        }

        return endpoint.Handle(query);
    }

    private void Add(string path, string description, Func<IQueryCollection, AdminReply> handle) =>
        _byPath.Add(path, new AdminEndpoint(path, description, Changes: false, handle));

    private string List() =>
        string.Concat(All.Select(static endpoint => $"  {endpoint.Path}{(endpoint.Changes ? " (POST)" : "")}: {endpoint.Description}\n"));
}
