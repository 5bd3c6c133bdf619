using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Tls.Forensics;

/// <summary>
/// Writes failed handshakes to the program's log, one line of JSON each. Workers only hand records over; a task writes them. In every second no more than
/// <see cref="MaxASecond"/> are written, the others are counted and the count is written with the next.
/// </summary>
internal sealed partial class HandshakeLog : IAsyncDisposable
{
    /// <summary>Records written in a second.</summary>
    public const int MaxASecond = 10;

    private const int MaxWaiting = 256;

    private readonly Channel<HandshakeFailure> _waiting = Channel.CreateBounded<HandshakeFailure>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Task _writing;
    private readonly ArrayBufferWriter<byte> _line = new(2048);
    private long _second;
    private int _inSecond;
    private int _left;

    public HandshakeLog(ILogger logger, TimeProvider time)
    {
        _logger = logger;
        _time = time;
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Takes a record, or counts it where there are too many. For any thread; never waits.</summary>
    public void Report(Func<HandshakeFailure> failure)
    {
        var second = _time.GetUtcNow().ToUnixTimeSeconds();
        if (Interlocked.Exchange(ref _second, second) != second)
        {
            Volatile.Write(ref _inSecond, 0);
        }

        if (Interlocked.Increment(ref _inSecond) > MaxASecond || !_waiting.Writer.TryWrite(failure()))
        {
            Interlocked.Increment(ref _left);
        }
    }

    /// <summary>Writes what waits, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _writing;
    }

    private async Task WriteAsync()
    {
        await foreach (var failure in _waiting.Reader.ReadAllAsync())
        {
            try
            {
                LogFailure(_logger, Text(failure, Interlocked.Exchange(ref _left, 0)));
            }
            catch (Exception bug) when (bug is CryptographicException or ArgumentException or InvalidOperationException)
            {
                // What peers present is theirs to choose: one record that cannot be written must not end the log.
                LogFailure(_logger, $"the record cannot be written: {bug.Message}");
            }
        }
    }

    private string Text(HandshakeFailure failure, int leftOut)
    {
        _line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_line, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("side", failure.Side);
            json.WriteString("resource", failure.Resource);
            json.WriteString("peer", failure.Peer);
            json.WriteString("reason", failure.Reason);
            WriteUnlessEmpty(json, "remedy", failure.Remedy);
            WriteUnlessEmpty(json, "server_name", failure.ServerName);
            WriteList(json, "alpn_offered", failure.OfferedProtocols);
            WriteList(json, "versions_offered", failure.OfferedVersions);
            WriteList(json, "expected_names", failure.ExpectedNames);
            WriteUnlessEmpty(json, "trust_bundle", failure.TrustBundle);
            WritePresented(json, failure);
            if (leftOut > 0)
            {
                json.WriteNumber("records_left_out", leftOut);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(_line.WrittenSpan);
    }

    private static void WritePresented(Utf8JsonWriter json, HandshakeFailure failure)
    {
        if (failure.Presented.Count == 0)
        {
            return;
        }

        WriteList(json, "presented_names", [.. failure.Presented[0].Names.Select(static name => name.ToString())]);
        json.WriteNumber("failed_at_depth", failure.Depth);
        json.WriteStartArray("chain");
        foreach (var certificate in failure.Presented)
        {
            json.WriteStartObject();
            json.WriteString("subject", certificate.Subject);
            json.WriteString("issuer", certificate.Issuer);
            json.WriteString("serial", certificate.SerialNumber);
            json.WriteString("not_before", Text(certificate.NotBefore));
            json.WriteString("not_after", Text(certificate.NotAfter));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Text(DateTimeOffset moment) => moment.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static void WriteUnlessEmpty(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "TLS handshake failed: {Record}")]
    private static partial void LogFailure(ILogger logger, string record);
}
