using System.Text;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>The fields of heads.</summary>
internal static class Heads
{
    /// <summary>Writes down version and fields.</summary>
    public static void Note(MessageHead head, ByteText verdict)
    {
        verdict.AddNumber(head.MinorVersion);
        foreach (ref readonly var field in head.Fields)
        {
            verdict.AddNumber((long)field.Id);
            verdict.AddPart(head.Span(field.Name));
            verdict.AddPart(head.Span(field.Value));
        }
    }

    /// <summary>The fields are those that the reference reads, in its order.</summary>
    public static void ExpectFields(ReferenceMessage reference, MessageHead head)
    {
        Expect.Equal(reference.Fields.Count, head.FieldCount, "the number of fields by the reference and by ours");
        for (var i = 0; i < head.FieldCount; i++)
        {
            Expect.Equal(Encoding.Latin1.GetBytes(reference.Fields[i].Name), head.Span(head.Fields[i].Name), "a name by the reference and by ours");
            Expect.Equal(Encoding.Latin1.GetBytes(reference.Fields[i].Value), head.Span(head.Fields[i].Value), "a value by the reference and by ours");
        }
    }
}
