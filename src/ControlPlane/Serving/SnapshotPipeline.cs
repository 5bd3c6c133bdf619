using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.ControlPlane.Translation;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>
/// The way from objects to a snapshot: waits for changes to settle, translates, emits, checks and publishes. Runs on one thread at a time.
/// </summary>
/// <param name="source">Where the objects come from; started.</param>
/// <param name="options">How long to wait for more changes, and what the translation needs.</param>
/// <param name="publish">Takes each new set of resources.</param>
/// <param name="diagnostics">Gets what users should know.</param>
/// <param name="logger">Gets the same, a line each, when it comes and when it goes.</param>
internal sealed class SnapshotPipeline(
    ManifestFolder source,
    ControlPlaneOptions options,
    Action<ResourceSet> publish,
    DiagnosticFeed diagnostics,
    ILogger logger)
{
    private readonly Translator _translator = new(options.Translation);
    private readonly Emitter _emitter = new();
    private ResourceSet _published = ResourceSet.Empty;

    /// <summary>Publishes after each change until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await source.Objects.Changed.WaitAsync(Timeout.InfiniteTimeSpan, cancellationToken);
            await source.Objects.Changed.SettleAsync(options.Quiet, options.MaximumDelay, cancellationToken);
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
        Report(diagnostics.Replace([.. source.Diagnostics, .. translated.Diagnostics]));

        var resources = _emitter.Emit(translated.Model);
        if (resources == _published)
        {
            return;
        }

        foreach (var (missing, namedBy) in resources.FindDanglingNames())
        {
            throw new InvalidOperationException($"{namedBy} names {missing}, which the snapshot lacks");
        }

        _published = resources;
        publish(resources);
        logger.LogInformation(
            "Snapshot with {Clusters} clusters and {Routes} route configurations published",
            resources.Clusters.Count,
            resources.RouteConfigurations.Count);
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
