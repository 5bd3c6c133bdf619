using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Headers;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>
/// A route's header changes for one message: those that were settled when the table was compiled, or the result of playing them for this message.
/// Valid until the worker plays others, which is within one call.
/// </summary>
internal readonly struct AppliedMutations
{
    private readonly HeaderMutations _mutations;
    private readonly HeaderEvaluation? _evaluation;

    private AppliedMutations(HeaderMutations mutations, HeaderEvaluation? evaluation)
    {
        _mutations = mutations;
        _evaluation = evaluation;
    }

    /// <summary>No change.</summary>
    public static AppliedMutations None { get; } = new(HeaderMutations.None, null);

    /// <summary>True where nothing changes.</summary>
    public bool IsEmpty => _mutations.IsEmpty;

    /// <summary>Upper bound of what <see cref="Write"/> writes.</summary>
    public int MaxLength => _evaluation?.LinesLength ?? _mutations.MaxLinesLength;

    /// <summary>The changes to a request of an exchange.</summary>
    public static AppliedMutations ToRequest(Exchange exchange, HeaderMutations mutations) =>
        new(mutations, mutations.Program is null ? null : exchange.EvaluateRequest(mutations));

    /// <summary>The changes to a response of an exchange.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="mutations">Its route's changes.</param>
    /// <param name="head">The upstream's head; null for an answer of our own.</param>
    /// <param name="added">Known fields that the proxy writes besides.</param>
    public static AppliedMutations ToResponse(Exchange exchange, HeaderMutations mutations, ResponseHead? head, HeaderMask added) =>
        new(mutations, mutations.Program is null ? null : exchange.EvaluateResponse(mutations, head, added));

    /// <summary>True where a field that the message has is not forwarded.</summary>
    public bool Removes(KnownHeader id, ReadOnlySpan<byte> lowerCaseName)
    {
        var index = _mutations.IsEmpty ? -1 : _mutations.IndexOf(id, lowerCaseName);
        return index >= 0 && !(_evaluation?.Keeps(index) ?? _mutations.Items[index].KeepsFields);
    }

    /// <summary>Adds what the changes add, as HTTP/1 field lines.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="head">The message; null for an answer of our own.</param>
    /// <param name="added">Known fields that the proxy would write besides: they count as being there.</param>
    public void Write(ref ByteWriter writer, MessageHead? head, HeaderMask added)
    {
        if (_evaluation is not null)
        {
            _evaluation.WriteLines(ref writer);
            return;
        }

        foreach (var mutation in _mutations.Items)
        {
            var isPresent = KnownHeaders.IsName(mutation.Id)
                ? added.Contains(mutation.Id) || (head is not null && head.Has(mutation.Id))
                : head is not null && head.TryGet(mutation.Name, out _);
            writer.Write(isPresent ? mutation.LinesIfPresent : mutation.LinesIfAbsent);
        }
    }
}
