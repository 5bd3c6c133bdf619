namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Leads every hash to an endpoint, the same hash always to the same one, and most of them still when endpoints come and go. Immutable.</summary>
internal interface IHashTable
{
    /// <summary>Index of the endpoint, by its place among the shares that the table was made of.</summary>
    /// <param name="hash">The hash of a request.</param>
    /// <param name="attempt">0, or how often another endpoint was asked for. Another one is not certain.</param>
    int IndexOf(ulong hash, int attempt);

    /// <summary>Its size, and how it is shared out.</summary>
    HashTableSize Size { get; }
}

/// <summary>How large a table is.</summary>
/// <param name="Entries">All entries.</param>
/// <param name="Least">Entries of the endpoint that has the fewest.</param>
/// <param name="Most">Entries of the endpoint that has the most.</param>
internal readonly record struct HashTableSize(int Entries, int Least, int Most)
{
    /// <summary>Counts entries.</summary>
    /// <param name="owners">The endpoint of each entry, by index.</param>
    /// <param name="endpoints">Number of endpoints.</param>
    public static HashTableSize Of(int[] owners, int endpoints)
    {
        var counts = new int[endpoints];
        foreach (var owner in owners)
        {
            counts[owner]++;
        }

        return new HashTableSize(owners.Length, counts.Min(), counts.Max());
    }
}

/// <summary>The endpoint that a request's hash leads to, or a random hash where it has none.</summary>
internal sealed class HashBalancer(HashShare[] shares, IHashTable table) : ILoadBalancer
{
    private readonly Endpoint[] _endpoints = Array.ConvertAll(shares, static share => share.Endpoint);

    public IHashTable? Table => table;

    public IEnumerable<Endpoint> Candidates => _endpoints;

    public Endpoint? Pick(in PickRequest request) => _endpoints[table.IndexOf(request.HashOrRandom(), request.Attempt)];
}
