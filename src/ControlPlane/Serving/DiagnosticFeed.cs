using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>A diagnostic that came or went.</summary>
/// <param name="Diagnostic">The diagnostic.</param>
/// <param name="IsResolved">True when it no longer holds.</param>
public sealed record DiagnosticChange(Diagnostic Diagnostic, bool IsResolved);

/// <summary>The diagnostics that hold now, and a stream of their changes. One thread writes, any may read.</summary>
public sealed class DiagnosticFeed
{
    /// <summary>Changes kept for a reader that does not keep up; beyond it the oldest are dropped.</summary>
    private const int MaxPending = 4096;

    private readonly Lock _lock = new();
    private readonly List<Channel<DiagnosticChange>> _readers = [];
    private ImmutableArray<Diagnostic> _current = [];

    /// <summary>What holds now.</summary>
    public ImmutableArray<Diagnostic> Current
    {
        get
        {
            lock (_lock)
            {
                return _current;
            }
        }
    }

    /// <summary>First what holds now, then every change, until cancelled.</summary>
    /// <param name="cancellationToken">Ends the stream.</param>
    public async IAsyncEnumerable<DiagnosticChange> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateBounded<DiagnosticChange>(new BoundedChannelOptions(MaxPending) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (_lock)
        {
            foreach (var diagnostic in _current)
            {
                channel.Writer.TryWrite(new DiagnosticChange(diagnostic, IsResolved: false));
            }

            _readers.Add(channel);
        }

        try
        {
            await foreach (var change in channel.Reader.ReadAllAsync(cancellationToken))
            {
                yield return change;
            }
        }
        finally
        {
            lock (_lock)
            {
                _readers.Remove(channel);
            }
        }
    }

    /// <summary>Replaces what holds.</summary>
    /// <returns>What came and what went. A diagnostic that only moved to another line did neither.</returns>
    internal ImmutableArray<DiagnosticChange> Replace(ImmutableArray<Diagnostic> now)
    {
        lock (_lock)
        {
            var before = _current.Select(WithoutLine).ToHashSet();
            var after = now.Select(WithoutLine).ToHashSet();
            ImmutableArray<DiagnosticChange> changes =
            [
                .. now.Where(diagnostic => !before.Contains(WithoutLine(diagnostic))).Select(diagnostic => new DiagnosticChange(diagnostic, IsResolved: false)),
                .. _current.Where(diagnostic => !after.Contains(WithoutLine(diagnostic))).Select(diagnostic => new DiagnosticChange(diagnostic, IsResolved: true)),
            ];
            _current = now;
            foreach (var change in changes)
            {
                foreach (var reader in _readers)
                {
                    reader.Writer.TryWrite(change);
                }
            }

            return changes;
        }
    }

    private static Diagnostic WithoutLine(Diagnostic diagnostic) =>
        diagnostic with { Location = diagnostic.Location is null ? null : diagnostic.Location with { Line = 0, Column = 0 } };
}
