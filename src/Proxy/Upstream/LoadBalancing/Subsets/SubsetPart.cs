namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;

/// <summary>Some of a cluster's endpoints with a balancer over them, which lasts as long as they and their health stay as they are.</summary>
internal sealed class SubsetPart
{
    private readonly Endpoint[] _members;
    private readonly (Availability Availability, bool IsExcluded)[] _health;

    private readonly object? _surroundings;

    private SubsetPart(Endpoint[] members, (Availability Availability, bool IsExcluded)[] health, object? surroundings, ILoadBalancer balancer)
    {
        _surroundings = surroundings;
        _members = members;
        _health = health;
        Balancer = balancer;
    }

    /// <summary>The balancer over the endpoints.</summary>
    public ILoadBalancer Balancer { get; }

    /// <summary>The part of these endpoints: the previous one, where nothing changed.</summary>
    /// <param name="members">The endpoints.</param>
    /// <param name="previous">The part that was there before; null for none.</param>
    /// <param name="surroundings">What else balancers go by; another object where it changed.</param>
    /// <param name="balancer">Makes a balancer.</param>
    public static SubsetPart Of(Endpoint[] members, SubsetPart? previous, object? surroundings, Func<Endpoint[], ILoadBalancer> balancer)
    {
        var health = Array.ConvertAll(members, static member => (member.Availability, member.IsExcluded));
        return previous is not null && ReferenceEquals(previous._surroundings, surroundings) && previous._members.AsSpan().SequenceEqual(members) && previous._health.AsSpan().SequenceEqual(health)
            ? previous
            : new SubsetPart(members, health, surroundings, balancer(members));
    }
}
