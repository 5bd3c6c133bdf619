using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Http.Http2.Hpack;

/// <summary>Notes the fields of header blocks, as Latin-1 text.</summary>
internal sealed class TakenFields : IHpackFields
{
    /// <summary>How many fields to take before one is refused.</summary>
    public int Limit { get; init; } = int.MaxValue;

    public List<TakenField> All { get; } = [];

    /// <summary>As "name: value".</summary>
    public IEnumerable<string> Texts => All.Select(static one => $"{one.Name}: {one.Value}");

    public bool OnField(scoped HpackField field)
    {
        var name = Encoding.Latin1.GetString(field.Name);
        var value = Encoding.Latin1.GetString(field.Value);
        if (!field.Line.IsEmpty)
        {
            Assert.Equal($"{name}: {value}\r\n", Encoding.Latin1.GetString(field.Line));
        }

        Assert.Equal(KnownHeaders.Identify(field.Name), field.Id);
        Assert.Equal(PseudoHeaders.Identify(field.Name), field.Pseudo);
        Assert.True(field.IsNameChecked || !field.IsChecked);
        All.Add(new TakenField(name, value, field.IsNameChecked, field.IsChecked, field.IsNeverIndexed));
        return All.Count < Limit;
    }
}

internal sealed record TakenField(string Name, string Value, bool IsNameChecked, bool IsChecked, bool IsNeverIndexed);
