using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>
/// Copies the fields of a head that was read as HTTP/1 to another HTTP/1 message: neighbours that both stay leave as one piece of bytes.
/// </summary>
internal static class FieldForwarding
{
    /// <summary>
    /// Names that Connection cannot take out, besides <c>x-forwarded-*</c> and <c>x-envoy-*</c>: what routing, identity and framing rest on
    /// (hardening against hop-by-hop abuse).
    /// </summary>
    private static readonly HeaderMask CannotBeNominated = HeaderMask.Of(
        KnownHeader.Host, KnownHeader.XRequestId, KnownHeader.Via, KnownHeader.ContentType, KnownHeader.Date);

    /// <summary>Copies every field that arrived and is neither in <paramref name="skip"/>, nor removed by a mutation, nor named by Connection.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="head">The head.</param>
    /// <param name="fieldsEnd">Offset of the empty line that ends the head.</param>
    /// <param name="skip">Known fields to leave out.</param>
    /// <param name="mutations">The route's changes.</param>
    /// <param name="honourNominations">True where Connection lists field names to leave out (RFC 9110 §7.6.1).</param>
    public static void Copy(
        ref ByteWriter writer, MessageHead head, int fieldsEnd, HeaderMask skip, in AppliedMutations mutations, bool honourNominations)
    {
        var fields = head.ReceivedFields;
        if (mutations.IsEmpty && !honourNominations && !head.Present.Overlaps(skip))
        {
            Flush(ref writer, head, fields.IsEmpty ? -1 : fields[0].Name.Offset, fieldsEnd);
            return;
        }

        var runStart = -1;
        for (var i = 0; i < fields.Length; i++)
        {
            ref readonly var field = ref fields[i];
            var isLeftOut = skip.Contains(field.Id)
                || (!mutations.IsEmpty && mutations.Removes(field.Id, head.Span(field.Name)))
                || (honourNominations && IsNominated(head, field));
            if (isLeftOut)
            {
                Flush(ref writer, head, runStart, field.Name.Offset);
                runStart = -1;
            }
            else if (runStart < 0)
            {
                runStart = field.Name.Offset;
            }
        }

        Flush(ref writer, head, runStart, fieldsEnd);
    }

    /// <summary>Copies the fields of our own, less what a mutation removes.</summary>
    public static void CopyOwn(ref ByteWriter writer, MessageHead head, in AppliedMutations mutations)
    {
        if (mutations.IsEmpty)
        {
            writer.Write(head.OwnLines);
            return;
        }

        foreach (ref readonly var field in head.OwnFields)
        {
            if (!mutations.Removes(field.Id, head.Span(field.Name)))
            {
                writer.WriteField(head.Span(field.Name), head.Span(field.Value));
            }
        }
    }

    private static bool IsNominated(MessageHead head, in HeaderField candidate)
    {
        if (CannotBeNominated.Contains(candidate.Id))
        {
            return false;
        }

        var name = head.Span(candidate.Name);
        if (name.StartsWith("x-forwarded-"u8) || name.StartsWith("x-envoy-"u8))
        {
            return false;
        }

        foreach (ref readonly var field in head.Fields)
        {
            if (field.Id != KnownHeader.Connection)
            {
                continue;
            }

            var list = head.Span(field.Value);
            while (Ascii.NextListElement(ref list, out var option))
            {
                if (Ascii.EqualsIgnoreCase(option, name))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static void Flush(ref ByteWriter writer, MessageHead head, int start, int end)
    {
        if (start >= 0)
        {
            writer.Write(head.Bytes.AsSpan(start, end - start));
        }
    }
}
