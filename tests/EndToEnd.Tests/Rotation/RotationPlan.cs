using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.EndToEnd.Tests.Resilience;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>How an operator replaces everything without an interruption: the new authority is trusted beside the old, then certificates are replaced, then the old is dropped.</summary>
internal static class RotationPlan
{
    private static readonly int Rounds = LongRun.IsAsked ? 40 : 3;

    /// <summary>Replaces all, several times.</summary>
    /// <param name="proxy">Whose secrets.</param>
    /// <param name="traffic">Goes on meanwhile.</param>
    /// <param name="current">What is in force.</param>
    /// <param name="publish">Publishes all four secrets; completes once they are in force.</param>
    public static async Task RunAsync(MutualProxy proxy, MutualTraffic traffic, Identity current, Func<Secret[], Task> publish)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var next = new Identity($"Round {round}");
            string[] both = [current.Authority, next.Authority];
            traffic.Roots = string.Concat(both);
            proxy.Front.ClientAuthority = string.Concat(both);
            await publish(Of(current, both));
            await traffic.WaitForMoreAsync(20);

            proxy.Front.Certificate = next.Endpoint;
            traffic.Identity = next;
            await publish(Of(next, both));
            await traffic.WaitForMoreAsync(20);

            await publish(Of(next, [next.Authority]));
            traffic.Roots = proxy.Front.ClientAuthority = next.Authority;
            await traffic.WaitForMoreAsync(20);
            current = next;
        }
    }

    private static Secret[] Of(Identity identity, string[] authorities) =>
    [
        Secrets.Certificate("web", identity.Web), Secrets.Authorities("clients", authorities),
        Secrets.Certificate("proxy", identity.Proxy), Secrets.Authorities("servers", authorities),
    ];
}
