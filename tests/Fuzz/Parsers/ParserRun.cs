using System.Diagnostics;
using KubeProxyNet.Fuzz.Generation;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Runs the cases of one parser target on all processors. Case i depends on the seed and i alone.</summary>
internal static class ParserRun
{
    private const int Changes = 5;

    /// <summary>Longest a case may take: a hang, and not a busy machine.</summary>
    private static readonly TimeSpan CaseLimit = TimeSpan.FromSeconds(30);

    /// <summary>Makes the target of that name; null where there is none.</summary>
    public static IParserTarget? Target(string name) => name switch
    {
        "request" => new RequestTarget(),
        "response" => new ResponseTarget(),
        "chunked" => new ChunkedTarget(),
        "hpack" => new HpackTarget(),
        _ => null,
    };

    /// <summary>Runs the cases and writes what was found. True where nothing was.</summary>
    public static bool Run(FuzzOptions options, TextWriter output)
    {
        var threads = (int)Math.Min(options.Cases, Environment.ProcessorCount);
        var progress = new Progress[threads];
        using var ended = new CountdownEvent(threads);
        var failed = false;
        for (var t = 0; t < threads; t++)
        {
            var mine = progress[t] = new Progress { Next = options.First + t, Step = threads };
            new Thread(() =>
            {
                if (!RunSome(options, mine, output))
                {
                    Volatile.Write(ref failed, true);
                }

                ended.Signal();
            })
            { IsBackground = true, Name = "fuzz" }.Start();
        }

        while (!ended.Wait(TimeSpan.FromSeconds(1)))
        {
            foreach (var stuck in progress.Where(static one => one.Elapsed > CaseLimit))
            {
                Report(options, stuck.Next, [], $"still running after {CaseLimit.TotalSeconds} s", output);
                return false;
            }
        }

        return !failed;
    }

    private static bool RunSome(FuzzOptions options, Progress progress, TextWriter output)
    {
        using var target = Target(options.Target)!;
        var mutator = new Mutator(target.Corpus, target.Dictionary);
        var text = new ByteText();
        for (; progress.Next < options.First + options.Cases; progress.Next += progress.Step)
        {
            progress.Begin();
            var random = FuzzRandom.Of(options.Seed, progress.Next);
            mutator.Make(text, random, Changes);
            try
            {
                target.Judge(text.Span, random);
            }
            catch (Exception e)
            {
                // Whatever it is: a codec that throws is broken.
                Report(options, progress.Next, text.Span, e is FuzzFailure ? e.Message : e.ToString(), output);
                return false;
            }
        }

        progress.End();
        return true;
    }

    private static void Report(FuzzOptions options, long index, ReadOnlySpan<byte> input, string problem, TextWriter output)
    {
        lock (output)
        {
            output.WriteLine($"FAILED: {problem}");
            output.WriteLine($"input, {input.Length} bytes, for printf: {Expect.Escaped(input)}");
            output.WriteLine($"replay: {options.ReplayOf(index)}");
        }
    }

    private sealed class Progress
    {
        private long _began = -1;

        public required long Next;

        public required int Step;

        public TimeSpan Elapsed => Volatile.Read(ref _began) is >= 0 and var began ? Stopwatch.GetElapsedTime(began) : TimeSpan.Zero;

        public void Begin() => Volatile.Write(ref _began, Stopwatch.GetTimestamp());

        public void End() => Volatile.Write(ref _began, -1);
    }
}
