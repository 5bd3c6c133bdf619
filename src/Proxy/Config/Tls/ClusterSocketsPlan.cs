using System.Security.Cryptography;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Upstream.TransportSockets;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>How a cluster's endpoints are spoken to, before secrets are in place.</summary>
internal sealed class ClusterSocketsPlan
{
    private readonly UpstreamTlsPlan? _default;
    private readonly IReadOnlyList<(string Name, MetadataMatch Criteria, UpstreamTlsPlan? Plan)> _matches;

    private ClusterSocketsPlan(UpstreamTlsPlan? otherwise, IReadOnlyList<(string Name, MetadataMatch Criteria, UpstreamTlsPlan? Plan)> matches, string identity)
    {
        _default = otherwise;
        _matches = matches;
        Identity = identity;
        Plans = [.. matches.Select(static match => match.Plan).Append(otherwise).OfType<TlsPlan>()];
    }

    /// <summary>Plain text to all.</summary>
    public static ClusterSocketsPlan PlainText { get; } = new(null, [], "");

    /// <summary>A hash of what the configuration says; empty for plain text.</summary>
    public string Identity { get; }

    /// <summary>Its TLS contexts.</summary>
    public IReadOnlyList<TlsPlan> Plans { get; }

    /// <summary>Reads the transport sockets of a cluster; what is wrong goes to <paramref name="problems"/>.</summary>
    public static ClusterSocketsPlan Of(Cluster message, DateTimeOffset now, TranslationProblems problems)
    {
        var reading = new SocketReading($"cluster \"{message.Name}\"", now);
        var otherwise = TransportSocketTranslator.Upstream(message.TransportSocket, reading, problems, ConfigPath.Root.Field("transport_socket"));
        var matches = new List<(string, MetadataMatch, UpstreamTlsPlan?)>();
        for (var i = 0; i < message.TransportSocketMatches.Count; i++)
        {
            var match = message.TransportSocketMatches[i];
            var path = ConfigPath.Root.Field("transport_socket_matches").Index(i);
            if (match.Name.Length == 0)
            {
                problems.Add(path.Field("name"), "the match has no name", "give it one, for people");
            }

            matches.Add((
                match.Name, MetadataTranslator.Match(match.Match?.Fields ?? []),
                TransportSocketTranslator.Upstream(match.TransportSocket, reading, problems, path.Field("transport_socket"))));
        }

        return otherwise is null && matches.TrueForAll(static match => match.Item3 is null) ? PlainText : new ClusterSocketsPlan(otherwise, matches, IdentityOf(message));
    }

    /// <summary>The settings with the secrets that there are.</summary>
    public ClusterTransportSockets Resolve(ISecrets secrets) => Plans.Count == 0
        ? ClusterTransportSockets.PlainText
        : new ClusterTransportSockets
        {
            Default = _default?.Resolve(secrets),
            Matches = new ValueList<TransportSocketMatch>(_matches.Select(match => new TransportSocketMatch(match.Name, match.Criteria, match.Plan?.Resolve(secrets)))),
        };

    private static string IdentityOf(Cluster message)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in message.TransportSocketMatches.Cast<IMessage>().Append(message.TransportSocket ?? new TransportSocket()))
        {
            hash.AppendData(part.ToByteArray());
            hash.AppendData([0]);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
