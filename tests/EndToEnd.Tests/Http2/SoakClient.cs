using System.Net;
using System.Net.Sockets;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>One connection with many streams, each of which asks for one thing after another: good and bad answers, uploads, slow reading, leaving early.</summary>
internal sealed class SoakClient : IDisposable
{
    private const int LargeBytes = 32 * 16 * 1024;
    private readonly HttpMessageInvoker _invoker = new(new SocketsHttpHandler { EnableMultipleHttp2Connections = false, ConnectTimeout = TimeSpan.FromSeconds(20) });
    private readonly Uri _proxy;
    private readonly Random _random;

    public SoakClient(int port, int seed)
    {
        _proxy = new Uri($"http://127.0.0.1:{port}/");
        _random = new Random(seed);
    }

    /// <summary>What went wrong and should not have.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>Requests so far.</summary>
    public long Count { get; private set; }

    /// <summary>Asks on so many streams at once until told to stop.</summary>
    /// <param name="streams">Number of streams.</param>
    /// <param name="isOver">Asked before each request.</param>
    public Task RunAsync(int streams, Func<bool> isOver) => Task.WhenAll(Enumerable.Range(0, streams).Select(async _ =>
    {
        while (!isOver())
        {
            await AskAsync();
        }
    }));

    public void Dispose() => _invoker.Dispose();

    private async Task AskAsync()
    {
        var (kind, size, delay) = Draw();
        using var cancel = new CancellationTokenSource();
        try
        {
            switch (kind)
            {
                case < 40:
                    await ExpectAsync("ok", HttpStatusCode.OK, 2, cancel.Token);
                    break;
                case < 55:
                    await EchoAsync(size, cancel.Token);
                    break;
                case < 65:
                    await ExpectAsync("large", HttpStatusCode.OK, LargeBytes, cancel.Token);
                    break;
                case < 72:
                    await ReadSlowlyAsync(delay, cancel.Token);
                    break;
                case < 80:
                    await ExpectAsync("error", HttpStatusCode.ServiceUnavailable, 0, cancel.Token);
                    break;
                case < 81:
                    await ExpectAsync("leave", HttpStatusCode.OK, 0, cancel.Token);
                    break;
                case < 86:
                    await LeaveAsync("broken");
                    break;
                case < 90:
                    await LeaveAsync("reset");
                    break;
                default:
                    cancel.CancelAfter(delay);
                    await LeaveAsync("large", cancel.Token);
                    break;
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            Note($"{kind}: {e}");
        }
    }

    private (int Kind, int Size, int Delay) Draw()
    {
        lock (_random)
        {
            Count++;
            return (_random.Next(100), _random.Next(100_000), 1 + _random.Next(20));
        }
    }

    private async Task ExpectAsync(string path, HttpStatusCode status, int length, CancellationToken cancel)
    {
        using var response = await SendAsync(path, null, cancel);
        var body = await response.Content.ReadAsByteArrayAsync(cancel);
        if (response.StatusCode != status || body.Length != length)
        {
            Note($"{path}: {response.StatusCode}, {body.Length} bytes: {System.Text.Encoding.ASCII.GetString(body.AsSpan(0, Math.Min(body.Length, 100)))}");
        }
    }

    private async Task EchoAsync(int size, CancellationToken cancel)
    {
        var sent = new byte[size];
        sent.AsSpan().Fill((byte)size);
        using var response = await SendAsync("echo", sent, cancel);
        var body = await response.Content.ReadAsByteArrayAsync(cancel);
        if (!body.AsSpan().SequenceEqual(sent))
        {
            Note($"echo: {response.StatusCode}, {body.Length} bytes instead of {size}");
        }
    }

    private async Task ReadSlowlyAsync(int delay, CancellationToken cancel)
    {
        using var response = await SendAsync("large", null, cancel);
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        var buffer = new byte[64 * 1024];
        var total = 0;
        for (int count; (count = await body.ReadAsync(buffer, cancel)) > 0; total += count)
        {
            await Task.Delay(delay, cancel);
        }

        if (total != LargeBytes)
        {
            Note($"slow: {total} bytes");
        }
    }

    /// <summary>A request that may end in any way.</summary>
    private async Task LeaveAsync(string path, CancellationToken cancel = default)
    {
        try
        {
            using var response = await SendAsync(path, null, cancel);
            await response.Content.ReadAsByteArrayAsync(cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            // As it may be.
        }
    }

    private Task<HttpResponseMessage> SendAsync(string path, byte[]? body, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, new Uri(_proxy, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body is null ? null : new ByteArrayContent(body),
        };
        return _invoker.SendAsync(request, cancel);
    }

    private void Note(string fault)
    {
        lock (Faults)
        {
            if (Faults.Count < 20)
            {
                Faults.Add(fault);
            }
        }
    }
}
