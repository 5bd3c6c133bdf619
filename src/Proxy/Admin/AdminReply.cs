using System.Buffers;
using System.Text;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>An answer of the admin page.</summary>
internal sealed record AdminReply(int Status, string ContentType, Action<IBufferWriter<byte>> Write)
{
    private const string PlainText = "text/plain; charset=utf-8";

    /// <summary>The page where it may be large: written a piece with each step, so that it is sent meanwhile; null for one that <see cref="Write"/> makes whole.</summary>
    internal Func<IBufferWriter<byte>, IEnumerable<int>>? Pieces { get; init; }

    /// <summary>What the response should carry besides, for example <c>Allow</c>; null for nothing.</summary>
    internal (string Name, string Value)? Header { get; init; }

    internal static AdminReply Text(string text, int status = 200) =>
        new(status, PlainText, output => Encoding.UTF8.GetBytes(text, output));

    internal static AdminReply Text(Action<IBufferWriter<byte>> write, string contentType = PlainText) => new(200, contentType, write);

    internal static AdminReply Large(Func<IBufferWriter<byte>, IEnumerable<int>> pieces, string contentType = PlainText) =>
        new(200, contentType, static _ => { }) { Pieces = pieces };

    internal static AdminReply Json(Action<Utf8JsonWriter> write) => new(200, "application/json", output =>
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, IndentSize = 1, NewLine = "\n" });
        write(json);
    });
}
