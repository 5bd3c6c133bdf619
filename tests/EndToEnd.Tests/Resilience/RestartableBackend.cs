using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>
/// A backend that ends as a careful server does: it takes no new connection, ends those that are unused, and answers what it has begun with
/// <c>connection: close</c>.
/// </summary>
internal sealed class RestartableBackend : IAsyncDisposable
{
    private readonly SharedLedger _ledger;
    private readonly HashSet<BackendConnection> _unused = [];
    private ScriptedBackend _backend;
    private volatile bool _isEnding;

    private RestartableBackend(SharedLedger ledger)
    {
        _ledger = ledger;
        _backend = ScriptedBackend.Start(PlayAsync);
    }

    public int Port => _backend.Port;

    public static RestartableBackend Start(SharedLedger ledger) => new(ledger);

    /// <summary>Ends it when whoever holds connections has given up the last of them.</summary>
    public async Task EndAfterLastConnectionAsync()
    {
        await Patience.UntilAsync(() => _backend.Connections.All(static connection => connection.Ended.IsSet), "the end of the kept connections");
        await _backend.DisposeAsync();
    }

    /// <summary>Ends it in order and starts it again on its port.</summary>
    public async Task RestartAsync()
    {
        var port = Port;
        _backend.StopListening();
        lock (_unused)
        {
            _isEnding = true;
            foreach (var connection in _unused)
            {
                connection.Socket.Dispose();
            }

            _unused.Clear();
        }

        await EndAfterLastConnectionAsync();
        _isEnding = false;
        _backend = ScriptedBackend.Start(PlayAsync, port: port);
    }

    public ValueTask DisposeAsync() => _backend.DisposeAsync();

    private async Task PlayAsync(BackendConnection connection)
    {
        try
        {
            while (MayWait(connection) && await connection.ReadHeadAsync() is { } head && MayServe(connection))
            {
                var answer = _ledger.Execute(await connection.ReadBodyAsync(head));
                RawHeader[] fields = _isEnding ? [new("connection", "close")] : [];
                await connection.SendAsync(BackendScripts.ResponseText(200, answer, fields, withBody: true));
            }
        }
        finally
        {
            MayServe(connection);
        }
    }

    private bool MayWait(BackendConnection connection)
    {
        lock (_unused)
        {
            return !_isEnding && _unused.Add(connection);
        }
    }

    /// <summary>The connection is in use from now on. False where it was ended before, with whatever came on it unread.</summary>
    private bool MayServe(BackendConnection connection)
    {
        lock (_unused)
        {
            return _unused.Remove(connection);
        }
    }
}
