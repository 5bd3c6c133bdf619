using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Serving;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>
/// The way from objects to a snapshot: waits for changes to settle, translates, emits, checks and publishes. Runs on one thread at a time.
/// </summary>
/// <param name="source">Where the objects come from; started.</param>
/// <param name="options">How long to wait for more changes, and what the translation needs.</param>
/// <param name="publish">Takes each new snapshot.</param>
/// <param name="diagnostics">Gets what users should know.</param>
/// <param name="logger">Gets the same, a line each, when it comes and when it goes.</param>
/// <param name="timeProvider">The clock that certificates must be valid by.</param>
internal sealed class SnapshotPipeline(
    ManifestFolder source,
    ControlPlaneOptions options,
    Action<Snapshot> publish,
    DiagnosticFeed diagnostics,
    ILogger logger,
    TimeProvider timeProvider)
{
    private static readonly TimeSpan s_shortestLook = TimeSpan.FromSeconds(1);

    // Clocks are set, too, so that the wait for a time far away is not left to a timer.
    private static readonly TimeSpan s_longestLook = TimeSpan.FromHours(1);

    private readonly Translator _translator = new(options.Translation, timeProvider);
    private readonly Emitter _emitter = new();
    private DateTimeOffset? _validUntil;

    /// <summary>Publishes after each change until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await source.Objects.Changed.WaitAsync(UntilCertificatesChange(), cancellationToken))
            {
                await source.Objects.Changed.SettleAsync(options.Quiet, options.MaximumDelay, cancellationToken);
            }

            try
            {
                PublishNow();
            }
            catch (Exception bug)
            {
                // Whatever the objects are, the proxies keep the snapshot that they have, and the next change is tried again.
                logger.LogError(bug, "The objects could not be translated; the last snapshot stays in force");
            }
        }
    }

    /// <summary>Publishes the objects as they are now, unless that changes no resource.</summary>
    public void PublishNow()
    {
        var translated = _translator.Translate(source.Objects.Current);
        _validUntil = translated.ValidUntil;
        Report(diagnostics.Replace([.. source.Diagnostics, .. translated.Diagnostics]));

        var emitted = _emitter.Emit(translated.Model);
        if (emitted.FindDanglingNames() is { Count: > 0 } dangling)
        {
            throw new InvalidOperationException($"the snapshot is not consistent: {string.Join("; ", dangling.Take(10))}");
        }

        if (emitted.Changed.Count > 0 || emitted.Removed.Count > 0)
        {
            publish(emitted.Snapshot);
            logger.LogInformation(
                "Published a snapshot with {Clusters} clusters; resources changed: {Changed}, gone: {Removed}",
                emitted.Snapshot[XdsTypeUrls.Cluster].ByName.Count,
                emitted.Changed.Count,
                emitted.Removed.Count);
        }
    }

    private TimeSpan UntilCertificatesChange()
    {
        if (_validUntil is not { } time)
        {
            return Timeout.InfiniteTimeSpan;
        }

        var left = time - timeProvider.GetUtcNow();
        return left < s_shortestLook ? s_shortestLook : left > s_longestLook ? s_longestLook : left;
    }

    private void Report(IEnumerable<DiagnosticChange> changes)
    {
        foreach (var change in changes)
        {
            var level = change.IsResolved ? LogLevel.Information : change.Diagnostic.Severity switch
            {
                DiagnosticSeverity.Error => LogLevel.Error,
                DiagnosticSeverity.Warning => LogLevel.Warning,
                _ => LogLevel.Debug,
            };
            logger.Log(level, "{Resolved}{Diagnostic}", change.IsResolved ? "resolved: " : "", change.Diagnostic);
        }
    }
}
