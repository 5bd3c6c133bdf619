using System.Collections.Concurrent;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;

namespace KubeProxyNet.Load.Soak;

/// <summary>One client of each kind, in a loop. What goes wrong is noted, at most so many times.</summary>
internal sealed class SoakClients : IAsyncDisposable
{
    private const int MaxFaults = 20;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);

    private readonly SoakBackend _backend;
    private readonly Uri _proxy;
    private readonly HttpClient _kept = new(new SocketsHttpHandler());
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<string> _faults = new();
    private readonly Task _running;
    private long _asked;

    public SoakClients(SoakBackend backend, int port)
    {
        _backend = backend;
        _proxy = new Uri($"http://127.0.0.1:{port}/");
        _running = Task.WhenAll(
            LoopAsync("get", id => AskAsync(id, 0, null)),
            LoopAsync("post", id => AskAsync(id, 0, new ByteArrayContent(Body(id)))),
            LoopAsync("chunked", id => AskAsync(id, 0, new ByteArrayContent(Body(id)), chunked: true)),
            LoopAsync("new", id => AskAsync(id, 0, null, close: true)),
            LoopAsync("large", id => AskAsync(id, 1_000_000, null)),
            LoopAsync("leaving", LeaveAsync),
            LoopAsync("websocket", EchoAsync));
    }

    public long Asked => Interlocked.Read(ref _asked);

    public IReadOnlyCollection<string> Faults => _faults;

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _running;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _kept.Dispose();
        _stopping.Dispose();
    }

    private async Task LoopAsync(string kind, Func<string, Task> ask)
    {
        for (var i = 0L; !_stopping.IsCancellationRequested && _faults.Count < MaxFaults; i++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"{kind}-{i}");
            try
            {
                await ask(id);
                Interlocked.Increment(ref _asked);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or WebSocketException or OperationCanceledException)
            {
                _faults.Enqueue($"{id}: {e.Message}");
            }

            await Task.Delay(Pace, CancellationToken.None);
        }
    }

    private static byte[] Body(string id) => Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(id, 1 + (id.GetHashCode(StringComparison.Ordinal) & 0x3ff))));

    private HttpRequestMessage Request(string id, int size)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, _proxy);
        request.Headers.Add(SoakBackend.IdHeader, id);
        request.Headers.Add(SoakBackend.SizeHeader, size.ToString(CultureInfo.InvariantCulture));
        return request;
    }

    private async Task AskAsync(string id, int size, ByteArrayContent? content, bool chunked = false, bool close = false)
    {
        using var request = Request(id, size);
        request.Method = content is null ? HttpMethod.Get : HttpMethod.Post;
        request.Content = content;
        request.Headers.TransferEncodingChunked = chunked ? true : null;
        request.Headers.ConnectionClose = close ? true : null;
        using var response = await _kept.SendAsync(request, CancellationToken.None);
        var answer = await response.Content.ReadAsByteArrayAsync(CancellationToken.None);
        var expected = Encoding.ASCII.GetBytes(SoakBackend.AnswerTo(id, content is null ? [] : Body(id)));
        var times = _backend.Settle(id);
        if ((int)response.StatusCode != 200 || answer.Length != expected.Length + size || !answer.AsSpan(0, expected.Length).SequenceEqual(expected) || times != 1)
        {
            _faults.Enqueue($"{id}: {(int)response.StatusCode}, {answer.Length} bytes, executed {times} times");
        }
    }

    /// <summary>Takes the head of a large answer and leaves.</summary>
    private async Task LeaveAsync(string id)
    {
        using (var request = Request(id, 2_000_000))
        using (var response = await _kept.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, CancellationToken.None))
        {
            response.EnsureSuccessStatusCode();
        }

        if (_backend.Settle(id) != 1)
        {
            _faults.Enqueue($"{id}: not executed once");
        }
    }

    private async Task EchoAsync(string id)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(_proxy) { Scheme = "ws" }.Uri, CancellationToken.None);
        var buffer = new byte[1024];
        for (var i = 0; i < 10; i++)
        {
            var sent = Encoding.ASCII.GetBytes($"{id}-{i}");
            await socket.SendAsync(sent, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
            var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
            if (!buffer.AsSpan(0, received.Count).SequenceEqual(sent))
            {
                _faults.Enqueue($"{id}: another message came back");
            }
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }
}
