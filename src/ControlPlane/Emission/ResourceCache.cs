using Google.Protobuf;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Remembers which part of the model each resource of a type was made from, so that only parts that changed are made again.</summary>
/// <param name="typeUrl">The type of the resources.</param>
/// <param name="nameOf">The name under which a part's resource is known.</param>
/// <param name="emit">Makes the resource of a part.</param>
internal sealed class ResourceCache<TPart>(string typeUrl, Func<TPart, string> nameOf, Func<TPart, IMessage> emit)
    where TPart : notnull
{
    private Dictionary<string, TPart> _known = [];

    /// <summary>Compares the parts with those of the last call.</summary>
    /// <param name="parts">Every part of this type.</param>
    /// <param name="changed">Gets the resources of parts that are new or different.</param>
    /// <param name="removed">Gets the resources whose parts are gone.</param>
    public void Emit(IEnumerable<TPart> parts, ICollection<XdsResource> changed, ICollection<XdsReference> removed)
    {
        var now = new Dictionary<string, TPart>(_known.Count, StringComparer.Ordinal);
        foreach (var part in parts)
        {
            var name = nameOf(part);
            now.Add(name, part);
            if (!_known.Remove(name, out var known) || !EqualityComparer<TPart>.Default.Equals(known, part))
            {
                changed.Add(XdsResource.Create(emit(part)));
            }
        }

        foreach (var name in _known.Keys)
        {
            removed.Add(new XdsReference(typeUrl, name));
        }

        _known = now;
    }
}
