using System.Net;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>A backend that does on health checks what it is told to, and serves everything else.</summary>
internal sealed class MoodyBackend : IAsyncDisposable
{
    public const string Healthy = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    private readonly ScriptedBackend _backend;
    private int _checks;

    public MoodyBackend(string name = "moody", int port = 0, IPAddress? address = null)
    {
        _backend = ScriptedBackend.Start(PlayAsync, name, address, port);
    }

    /// <summary>What is sent for a check, by its number from 1; null for nothing at all.</summary>
    public Func<int, string?> OnCheck { get; set; } = static _ => Healthy;

    /// <summary>True to end the connection after each check.</summary>
    public bool ClosesAfterCheck { get; set; }

    /// <summary>True to reset each connection before anything is read.</summary>
    public bool ResetsOnAccept { get; set; }

    /// <summary>Header lines of other answers, each with its end.</summary>
    public string Lines { get; set; } = "";

    public ScriptedBackend Server => _backend;

    public int Port => _backend.Port;

    public IReadOnlyList<RawRequest> Checks => [.. _backend.Requests.Where(static request => request.Target == CheckedCluster.Path)];

    public IReadOnlyList<RawRequest> Traffic => [.. _backend.Requests.Where(static request => request.Target != CheckedCluster.Path)];

    public int OpenConnections => _backend.Connections.Count(static connection => !connection.Ended.IsSet);

    public ValueTask DisposeAsync() => _backend.DisposeAsync();

    private async Task PlayAsync(BackendConnection connection)
    {
        if (ResetsOnAccept)
        {
            connection.Reset();
            return;
        }

        while (await connection.ReadRequestAsync() is { } request)
        {
            if (request.Target != CheckedCluster.Path)
            {
                await connection.SendAsync($"HTTP/1.1 200 OK\r\n{Lines}content-length: {connection.BackendName.Length}\r\n\r\n{connection.BackendName}");
                continue;
            }

            if (OnCheck(Interlocked.Increment(ref _checks)) is { } answer)
            {
                await connection.SendAsync(answer);
            }

            if (ClosesAfterCheck)
            {
                return;
            }
        }
    }
}
