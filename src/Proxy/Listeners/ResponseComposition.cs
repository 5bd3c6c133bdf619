using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>What a response's head is composed with: the route's changes, and the memory for it.</summary>
internal static class ResponseComposition
{
    /// <summary>The route's changes to an upstream's response.</summary>
    public static AppliedMutations MutationsOf(Exchange exchange, ResponseHead head) => exchange.Target?.ResponseMutations is { IsEmpty: false } mutations
        ? AppliedMutations.ToResponse(exchange, mutations, head, ResponseHeadWriter.OwnFieldsOf(exchange, head))
        : AppliedMutations.None;

    /// <summary>The route's changes to an answer of our own.</summary>
    public static AppliedMutations LocalMutationsOf(Exchange exchange, bool hasBody) => exchange.Route?.ResponseMutations is { IsEmpty: false } mutations
        ? AppliedMutations.ToResponse(exchange, mutations, head: null, ResponseHeadWriter.OwnFieldsOfLocal(exchange, hasBody))
        : AppliedMutations.None;

    /// <summary>Memory for a head of that length and what the proxy adds; valid until the next suspension, or until anything is sent.</summary>
    public static Span<byte> MemoryFor(Exchange exchange, int length)
    {
        var worstCase = length + ResponseHeadWriter.OwnFieldsRoom + exchange.ServerName.Length + exchange.SetCookieLines.Length + exchange.SessionLine.Length;
        if (exchange.Http.AlwaysSetRequestIdInResponse)
        {
            worstCase += exchange.RequestId.Length;
        }

        var draft = exchange.Worker.DraftFor(exchange.Downstream.IsHttp2);
        return worstCase <= draft.Length ? draft : new byte[worstCase];
    }
}
