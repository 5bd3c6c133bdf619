using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Each endpoint in turn, as often as its weight says. Every worker counts its own round, from a random start.</summary>
internal sealed class RoundRobin(Endpoint[] schedule) : ILoadBalancer
{
    public Endpoint? Pick(Worker worker, ClusterState state)
    {
        ref var turn = ref state.TurnOf(worker.Index);
        if (turn == 0)
        {
            turn = 1 + worker.Random.Next(schedule.Length);
        }

        var next = turn >= schedule.Length ? 0 : turn;
        turn = next + 1;
        return schedule[next];
    }
}
