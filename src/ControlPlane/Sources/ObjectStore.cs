using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>An object that is new or different, or, with a null <paramref name="Object"/>, gone.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Object">The object as it is now; null when it is gone.</param>
public readonly record struct ObjectChange(ObjectKey Key, KubernetesObject? Object);

/// <summary>
/// Holds the objects of a source. One thread writes, any may read <see cref="Current"/>. Changes that arrive before a reader comes around are
/// seen together: the one reader that acts on them waits for <see cref="Changed"/>, which remembers one signal, and then takes the current snapshot.
/// </summary>
/// <param name="timeProvider">The clock of <see cref="Changed"/>.</param>
public sealed class ObjectStore(TimeProvider timeProvider)
{
    private volatile ObjectSnapshot _current = ObjectSnapshot.Empty;

    /// <summary>The objects as of the last write.</summary>
    public ObjectSnapshot Current => _current;

    /// <summary>Raised after each write that changed something.</summary>
    public ChangeSignal Changed { get; } = new(timeProvider);

    /// <summary>
    /// Writes a batch at once, so that no reader sees half of it. An object that equals the one already held stays the same reference.
    /// Only one thread at a time may call this.
    /// </summary>
    public void Apply(IReadOnlyCollection<ObjectChange> changes)
    {
        var before = _current;
        var services = before.Services.ToBuilder();
        var ingresses = before.Ingresses.ToBuilder();
        var classes = before.IngressClasses.ToBuilder();
        var secrets = before.Secrets.ToBuilder();
        var slices = before.EndpointSlices.ToBuilder();
        var index = new SliceIndex(before);
        var changed = false;

        foreach (var change in changes)
        {
            changed |= change.Key.Kind switch
            {
                Service.KindName => Set(services, change),
                Ingress.KindName => Set(ingresses, change),
                IngressClass.KindName => Set(classes, change),
                Secret.KindName => Set(secrets, change),
                EndpointSlice.KindName => SetSlice(slices, index, change),
                _ => false,
            };
        }

        if (!changed)
        {
            return;
        }

        _current = new ObjectSnapshot
        {
            Services = services.ToImmutable(),
            Ingresses = ingresses.ToImmutable(),
            IngressClasses = classes.ToImmutable(),
            Secrets = secrets.ToImmutable(),
            EndpointSlices = slices.ToImmutable(),
            SlicesByService = index.ByService.ToImmutable(),
            UnboundSlices = index.Unbound.ToImmutable(),
        };
        Changed.Raise();
    }

    private static bool Set<T>(ImmutableDictionary<ObjectName, T>.Builder objects, ObjectChange change)
        where T : KubernetesObject
    {
        if (change.Object is not T now)
        {
            return objects.Remove(change.Key.Name);
        }

        if (objects.TryGetValue(change.Key.Name, out var known) && known.Equals(now))
        {
            return false;
        }

        objects[change.Key.Name] = now;
        return true;
    }

    private static bool SetSlice(ImmutableDictionary<ObjectName, EndpointSlice>.Builder slices, SliceIndex index, ObjectChange change)
    {
        slices.TryGetValue(change.Key.Name, out var known);
        if (!Set(slices, change))
        {
            return false;
        }

        index.Replace(known, change.Object as EndpointSlice);
        return true;
    }

    /// <summary>Keeps EndpointSlices by Service while a batch is written.</summary>
    private sealed class SliceIndex(ObjectSnapshot before)
    {
        public ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>>.Builder ByService { get; } = before.SlicesByService.ToBuilder();

        public ImmutableDictionary<ObjectName, EndpointSlice>.Builder Unbound { get; } = before.UnboundSlices.ToBuilder();

        public void Replace(EndpointSlice? known, EndpointSlice? now)
        {
            if (known is not null)
            {
                Remove(known);
            }

            if (now is not null)
            {
                Add(now);
            }
        }

        private void Remove(EndpointSlice slice)
        {
            if (slice.ServiceName is not { } service)
            {
                Unbound.Remove(slice.Name);
                return;
            }

            var rest = ByService[service].RemoveAll(other => other.Name == slice.Name);
            if (rest.IsEmpty)
            {
                ByService.Remove(service);
            }
            else
            {
                ByService[service] = rest;
            }
        }

        private void Add(EndpointSlice slice)
        {
            if (slice.ServiceName is not { } service)
            {
                Unbound[slice.Name] = slice;
                return;
            }

            var siblings = ByService.GetValueOrDefault(service, []);
            var position = 0;
            while (position < siblings.Length && ObjectName.Order.Compare(siblings[position].Name, slice.Name) < 0)
            {
                position++;
            }

            ByService[service] = siblings.Insert(position, slice);
        }
    }
}
