using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Parsers;

namespace KubeProxyNet.Fuzz;

/// <summary>Judges what afl-fuzz mutates, in the fork server of SharpFuzz.</summary>
internal static class AflTarget
{
    private static readonly byte[] Input = new byte[ByteText.MaxLength];

    /// <summary>Runs until afl-fuzz ends it. Instrumented code may run only once the memory for its traces is there, so the target is made with the first input.</summary>
    public static int Run(string name)
    {
        IParserTarget? target = null;
        SharpFuzz.Fuzzer.OutOfProcess.Run(stream => Judge(target ??= ParserRun.Target(name)!, Input.AsSpan(0, stream.ReadAtLeast(Input, Input.Length, throwOnEndOfStream: false))));
        return 0;
    }

    /// <summary>Judges one input; how it is split follows from its bytes, so that the same input always meets the same fate.</summary>
    public static void Judge(IParserTarget target, ReadOnlySpan<byte> input)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in input)
        {
            hash = (hash ^ b) * 1099511628211;
        }

        target.Judge(input, new FuzzRandom(hash));
    }
}
