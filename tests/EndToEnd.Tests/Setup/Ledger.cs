using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>"Lost" is judged by two ledgers: what the clients asked and got, and what the backends read.</summary>
internal static class Ledger
{
    /// <summary>Every request was answered with 200, and reached exactly one backend exactly once.</summary>
    public static void ShouldBalance(IReadOnlyList<TrafficRecord> records, params ScriptedBackend[] backends)
    {
        records.Should().OnlyContain(static record => record.Response != null && record.Response.Status == 200);
        var arrived = backends.SelectMany(static backend => backend.Requests).Select(static request => request.Headers[SteadyTraffic.IdHeader]!).Order();
        arrived.Should().Equal(records.Select(static record => record.Id).Order());
    }
}
