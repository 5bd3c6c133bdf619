using KubeProxyNet.Fuzz.Generation;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>One thing to fuzz with bytes. One thread uses an instance, for one case after the other, as a worker uses a codec.</summary>
internal interface IParserTarget : IDisposable
{
    /// <summary>What mutation begins with.</summary>
    byte[][] Corpus { get; }

    /// <summary>What mutation puts in between.</summary>
    byte[][] Dictionary => Generation.Corpus.Dictionary;

    /// <summary>Judges one input; throws <see cref="FuzzFailure"/> where an oracle objects. <paramref name="random"/> decides how it is split.</summary>
    void Judge(ReadOnlySpan<byte> input, FuzzRandom random);
}
