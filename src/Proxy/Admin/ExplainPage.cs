using KubeProxyNet.Proxy.Explain;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/explain</c>: why a request goes where it goes, from the snapshot in force.</summary>
internal sealed class ExplainPage(IAdminSource source)
{
    internal AdminEndpoint Endpoint => new(
        "/explain", "why a request goes where it goes: ?url=http://HOST/PATH, &method=, &header=name: value, &listener=, &format=json", Changes: false, Answer);

    private AdminReply Answer(IQueryCollection query)
    {
        var url = query["url"].ToString();
        if (url.Length == 0)
        {
            return AdminReply.Text("name the request: /explain?url=http://HOST/PATH\n", 400);
        }

        var format = query["format"].ToString();
        if (format is not ("" or "text" or "json"))
        {
            return AdminReply.Text($"format={format} is not known; use text or json\n", 400);
        }

        string[] headers = [.. query["header"].OfType<string>()];
        if (ExplainRequest.Parse(url, query["method"], headers, query["listener"], out var error) is not { } request)
        {
            return AdminReply.Text(error + "\n", 400);
        }

        var explanation = source.Explain(request);
        return format == "json"
            ? AdminReply.Json(json => ExplanationJson.Write(explanation, json))
            : AdminReply.Text(ExplanationText.Of(explanation));
    }
}
