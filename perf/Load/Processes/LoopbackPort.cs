using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Processes;

/// <summary>Ports of 127.0.0.1.</summary>
internal static class LoopbackPort
{
    /// <summary>A port that was free a moment ago.</summary>
    public static int Free()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private const int PollMs = 2;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Waits until a GET of <paramref name="path"/> is answered with 200, at most 20 s and only while the process lives. Returns the time since
    /// the process was started.
    /// </summary>
    /// <param name="certificate">What the process must present; null where it speaks plain text.</param>
    /// <param name="http2">Asks in HTTP/2, in plain text by prior knowledge.</param>
    public static async Task<TimeSpan> WaitForAnswerAsync(
        string name, int port, string path, RunningProcess process, CancellationToken cancel, ServerCertificate? certificate = null, bool http2 = false)
    {
        using var client = certificate is null ? new HttpClient() : new HttpClient(new SocketsHttpHandler { SslOptions = certificate.ClientOptions() });
        if (http2)
        {
            client.DefaultRequestVersion = HttpVersion.Version20;
            client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }

        client.Timeout = TimeSpan.FromSeconds(2);
        var scheme = certificate is null ? "http" : "https";
        var last = "it does not listen";
        while (process.Age < Limit)
        {
            if (process.HasExited)
            {
                throw new LoadException($"{name} ended at its start: {process.Obituary}");
            }

            try
            {
                using var response = await client.GetAsync(new Uri($"{scheme}://127.0.0.1:{port}{path}"), cancel);
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    return process.Age;
                }

                last = $"it answers {(int)response.StatusCode}";
            }
            catch (HttpRequestException e)
            {
                last = e.InnerException is { } inner ? $"{e.Message} {inner.Message}" : e.Message;
            }
            catch (TaskCanceledException) when (!cancel.IsCancellationRequested)
            {
                last = "it does not answer within 2 s";
            }

            await Task.Delay(PollMs, cancel);
        }

        throw new LoadException($"{name} is not ready after 20 s: {last}\n{process.Output}");
    }
}
