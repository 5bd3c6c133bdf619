using System.Text;
using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>What a backend answers: mostly whole responses that repeat the marker, at times mutated ones.</summary>
internal sealed class Answers
{
    /// <summary>Says that the body is the marker, again and again, and nothing else.</summary>
    public const string WholeField = "x-whole: yes";

    /// <summary>Stands in for the marker that a request has lost.</summary>
    public const string NoMarker = "none";

    private readonly Mutator _mutator = new(Corpus.Responses, Corpus.Dictionary);

    public ByteText Text { get; } = new();

    /// <summary>True where the connection is to end behind the answer.</summary>
    public bool Closes { get; private set; }

    /// <summary>Composes the answer to a request.</summary>
    public void Make(ReferenceMessage request, string marker, FuzzRandom random)
    {
        Text.Clear();
        Closes = false;
        if (request.Has("upgrade") && random.Once(2))
        {
            Text.Add($"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {request.ValuesOf("upgrade").First()}\r\n\r\n{marker}");
            Closes = true;
            return;
        }

        if (random.Once(12))
        {
            Text.Add($"HTTP/1.1 103 Early Hints\r\nlink: {marker}\r\n\r\n");
        }

        switch (random.Next(36))
        {
            case 0 or 1:
                AddWhole("x-m: 1", request, marker, random);
                _mutator.Change(Text, random, random.Between(1, 3));
                Closes = true;
                break;
            case 2:
                // Bytes that nobody asked for, in one piece with those that somebody did: the connection must not be used again.
                AddWhole(WholeField, request, marker, random);
                Text.Add($"HTTP/1.1 200 OK\r\ncontent-length: {marker.Length}\r\n\r\n{marker}");
                break;
            case 3:
                Text.Add($"HTTP/1.1 {random.Of([204, 304])} \r\nx-m: {marker}\r\ncontent-length: 5\r\n\r\n");
                break;
            case 4:
                Text.Add($"HTTP/1.0 200\r\nx-m: {marker}\r\n{WholeField}\r\n\r\n");
                Text.Add(request.Method == "HEAD" ? "" : marker);
                Closes = true;
                break;
            default:
                AddWhole(WholeField, request, marker, random);
                break;
        }
    }

    private void AddWhole(string field, ReferenceMessage request, string marker, FuzzRandom random)
    {
        var body = new StringBuilder().Insert(0, marker, random.Once(200) ? 3000 : random.Next(6)).ToString();
        var connection = random.Once(25) ? "connection: close\r\n" : "";
        Closes |= connection.Length > 0;
        Text.Add($"HTTP/1.1 200 OK\r\nx-m: {marker}\r\n{field}\r\n{connection}");
        var isChunked = random.Once(4);
        Text.Add(isChunked ? "transfer-encoding: chunked\r\n\r\n" : $"content-length: {body.Length}\r\n\r\n");
        if (request.Method == "HEAD")
        {
            return;
        }

        if (!isChunked)
        {
            Text.Add(body);
            return;
        }

        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Between(1, 4000));
            Text.Add($"{length:x}\r\n{body.AsSpan(at, length)}\r\n");
            at += length;
        }

        Text.Add($"0\r\nt: {marker}\r\n\r\n");
    }
}
